"""The program of a stand-in for a run's process; it needs nothing but Python."""

WORKER = """
import json, os, signal, sys, time
folder, behaviour = sys.argv[1:]
def inside(name): return os.path.join(folder, name)
def read():
    with open(inside("status.json")) as file: return json.load(file)
def write(**changes):
    status = {**read(), **changes, "updated": time.time()}
    with open(inside("status.new"), "w") as file: json.dump(status, file)
    os.replace(inside("status.new"), inside("status.json"))
def asked():
    if not os.path.exists(inside("control")): return "run"
    with open(inside("control")) as file: return file.read()
def end(state):
    write(state=state, phase="done")
    if behaviour == "linger": signal.pause()
    sys.exit(0)
while read()["pid"] != os.getpid(): time.sleep(0.005)
if behaviour == "crash": sys.exit(1)
if behaviour == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    write(phase="training")
    while True: signal.pause()
signal.signal(signal.SIGTERM, lambda *_: end("interrupted"))
write(phase="training")
while True:
    wanted = asked()
    if wanted == "stop": end("stopped")
    if os.path.exists(inside("finish")): end("finished")
    state = "paused" if wanted == "pause" else "running"
    if read()["state"] != state: write(state=state)
    time.sleep(0.005)
"""
