"""Perilune as a child process that learns from environments in this one: the frames of serve.lua over two pipes.

Needs nothing but Python 3. Arrays come and go as bytes (of numpy: array.tobytes(), numpy.frombuffer), float32 in the
order of the machine, which is that of the child. train.py is how Gymnasium's environments use it.
"""
import json
import os
import struct
import subprocess

PROTOCOL = 1
TERMINATED, TRUNCATED, WAITING = 1, 2, 4  # bits of an environment's flag
MOST_TEXT = 1 << 20
HERE = os.path.dirname(os.path.abspath(__file__))


class LearnerError(Exception):
    """What the child refused, or that it is no more."""


class Learner:
    """One agent. `ready` is what its recipe says: seed, steps, episodes and evaluation_seed of the last evaluation."""

    def __init__(self, recipe, file, *, envs, observations, action, overrides=(), perilune="perilune"):
        """file: where the agent is saved. observations: numbers of each environment. action: {"kind": "discrete",
        "multi_discrete" or "continuous", "dimensions": of each how many choices, or [low, high]}. overrides: PATH=VALUE
        as for --set."""
        self.envs, self.observations, self.dimensions = envs, observations, len(action["dimensions"])
        words = [perilune, "lua", os.path.join(HERE, "serve.lua"), recipe, file, *overrides]
        try:  # in a session of its own: Ctrl-C is for us, who then end it in good order
            self.child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        except OSError as error:
            raise LearnerError(f"{perilune} cannot be started: {error.strerror}") from None
        hello = {"protocol": PROTOCOL, "envs": envs, "observations": observations, "action": action}
        self.ready = json.loads(self._ask("H", json.dumps(hello).encode(), "R", None))
        for name, ours in hello.items():
            if self.ready.get(name) != ours:
                raise self._ended(f"its schema has {name} {self.ready.get(name)}, and ours has {ours}")

    def step(self, flags, reward, observation, final):
        """The actions for these observations, (envs, dimensions) as bytes; a choice counts from 0.

        flags: a byte for each environment, TERMINATED or TRUNCATED where its episode has ended by the last action, and
        WAITING where it is not to be acted for now (its action is then 0 and means nothing). reward, observation: of
        each environment; final: the last observation of an episode that has ended, elsewhere anything. The first call
        has no rewards yet: zeros."""
        n, row = self.envs, 4 * self.observations
        parts = {"flags": (flags, n), "reward": (reward, 4 * n), "observation": (observation, n * row),
                 "final": (final, n * row)}
        return self._ask("S", self._join(parts), "A", 4 * n * self.dimensions)

    def judge(self, observation):
        """Actions as the recipe's eval.action says; nothing is recorded or learned."""
        parts = {"observation": (observation, 4 * self.envs * self.observations)}
        return self._ask("M", self._join(parts), "A", 4 * self.envs * self.dimensions)

    def end(self):
        """Saves the agent and ends the child: {steps, file, metrics}."""
        said = json.loads(self._ask("E", b"", "D", None))
        self.close()
        return said

    def close(self):
        """Ends the child; before end() it saves what it has, and says so on stderr."""
        for pipe in (self.child.stdin, self.child.stdout):
            try:
                pipe.close()
            except OSError:
                pass
        return self.child.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @staticmethod
    def _join(parts):
        for name, (given, size) in parts.items():
            if len(given) != size:
                raise ValueError(f"{name} has {len(given)} bytes; the schema says {size}")
        return b"".join(bytes(given) for given, _ in parts.values())

    def _ask(self, letter, sent, answer, size):
        try:
            self.child.stdin.write(letter.encode() + struct.pack("<I", len(sent)) + sent)
            self.child.stdin.flush()
        except OSError:
            pass  # it is no more; what it said before may be in the other pipe
        got, length = struct.unpack("<cI", self._read(5))
        if got == b"F":
            said = self._read(min(length, MOST_TEXT)).decode(errors="replace")
            self.close()
            raise LearnerError(said)
        if got != answer.encode() or (length != size if size is not None else length > MOST_TEXT):
            raise self._ended(f"it answered {got} of {length} bytes where {answer} of {size or 'some'} was due")
        return self._read(length)

    def _read(self, count):
        read = self.child.stdout.read(count)
        if len(read) < count:
            raise self._ended("it ended without a word")
        return read

    def _ended(self, what):
        return LearnerError(f"{self.child.args[0]}: {what} (exit code {self.close()})")
