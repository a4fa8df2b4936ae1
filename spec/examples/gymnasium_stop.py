"""train.py, which Ctrl-C reaches while it waits for the answer to its hundredth frame.

    python spec/examples/gymnasium_stop.py FILE
"""
import os
import signal
import sys

sys.path.insert(0, "examples/gymnasium")
import learner  # noqa: E402
import train  # noqa: E402

asked, count = learner.Learner._read, 0


def read(self, length):
    global count
    count += 1
    if count == 100:
        os.kill(os.getpid(), signal.SIGINT)
    return asked(self, length)


learner.Learner._read = read
sys.argv = ["train.py", "CartPole-v1", "recipes/cartpole/ppo.lua", "--out", sys.argv[1]]
train.main()
