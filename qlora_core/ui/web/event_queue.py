"""The queue in which Gradio keeps what visitors ask for until somebody is free to answer.

By itself it looks a thousand times a second whether there is anything in it, and a hundred times for progress: that
takes 6 % of a processor, all the time, from the run at work.
"""

import gradio as gr

AT_ONCE, AT_MOST = 8, 200  #: events answered at a time by each handler, and events that wait
LOOK_SECONDS, PROGRESS_SECONDS = 0.02, 0.1


def open_queue(page: gr.Blocks) -> None:
    """Give the page its queue, to be called before it is launched."""
    page.queue(default_concurrency_limit=AT_ONCE, max_size=AT_MOST)
    page._queue.sleep_when_free = LOOK_SECONDS
    page._queue.progress_update_sleep_when_free = PROGRESS_SECONDS
