"""A class in Chromium: a teacher holds a run, a phone guesses and judges, and all of it stands beside the outcome."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.page.server import OWNER_KEY, Server
from tests.page.visitor import Visitor, badge, press, start

Visit = Callable[..., Visitor]


def test_a_class_guesses_judges_and_sees_what_it_came_to(server: Server, visit: Visit) -> None:
    teacher = visit().open(f"{server.url}#owner={OWNER_KEY}")
    teacher.get_by_label("Wait for guesses").check()
    run = server.run(start(teacher))
    badge(teacher, "Waiting for guesses")

    phone = visit(viewport={"width": 390, "height": 844}).open(f"{server.url}?run={run.id}")
    after = phone.get_by_role("slider", name="Accuracy after training")
    after.fill("0.8")
    quarter = phone.get_by_role("slider", name="after a quarter of the training")
    expect(quarter).to_have_attribute("aria-valuenow", "0.57")
    quarter.press("PageDown")
    phone.get_by_role("button", name="Write my guess down").click()
    expect(phone.get_by_text("Your guess is written down. 1 browser has guessed.")).to_be_visible()
    expect(teacher.get_by_text("1 browser has guessed.")).to_be_visible()
    expect(teacher.locator(".class-dot")).to_have_count(0)
    phone.reload()
    expect(quarter).to_have_attribute("aria-valuenow", "0.47")

    phone.get_by_text("Be the judge").click()
    phone.get_by_role("button", name="Begin to judge").click()
    expect(phone.get_by_text("Pair 1 of 10")).to_be_visible()
    phone.get_by_role("button", name="Same key 1").click()
    expect(phone.get_by_text("Pair 2 of 10")).to_be_visible()
    phone.reload()
    phone.get_by_text("Be the judge").click()
    phone.get_by_role("button", name="Begin to judge").click()
    for number in range(2, 11):
        expect(phone.get_by_text(f"Pair {number} of 10")).to_be_in_viewport()
        expect(phone.get_by_role("button", name="Different key 2")).to_be_in_viewport(ratio=1)
        phone.keyboard.press("2")
    expect(phone.get_by_text("You have judged all of your pairs.")).to_be_visible()

    press(teacher, "Begin training")
    expect(phone.locator("#class-live .class-mine")).to_have_count(2)
    expect(phone.get_by_text(re.compile(r"It came to .+ Yours was off by"))).to_be_visible()
    expect(phone.locator("#class-live .class-course")).to_have_count(1)
    press(teacher, "See the results")
    results = teacher.locator("#class-results")
    expect(results.get_by_text(re.compile("1 browser has judged.+too few to speak of a room"))).to_be_visible()
    results.get_by_role("button", name="Delete everything the class has left behind").click()
    results.get_by_role("button", name="Really delete").click()
    expect(results.get_by_text("Nobody has judged yet.")).to_be_visible()
    expect(results.locator(".class-dot")).to_have_count(0)
    assert not (server.runs_dir / "classroom").exists()
