"""The operator under a plan."""

import os
import signal
import threading

from program import Operator


class Keeper:
    """Starts the operator again, whatever ends it, as a kubelet does it: with the same name in the
    Lease. With for_ever False it stays away."""

    def __init__(self, *arguments, config, for_ever=True):
        self._for_ever = for_ever
        self._arguments = arguments
        self._config = config
        self._stopping = False
        self._killed = 0
        self.incarnations = []
        self.unexpected = []  # exit codes that no plan has caused
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def kill(self, name="KILL"):
        """Returns when the signal was sent; SIGKILL leaves no instruction to come."""
        with self._changed:
            if self.incarnations and self.incarnations[-1].alive():
                self._killed += 1
                os.kill(self.incarnations[-1].pid, getattr(signal, f"SIG{name}"))

    def _run(self):
        while True:
            with self._changed:
                if self._stopping:
                    return
                operator = Operator(*self._arguments, config=self._config)
                self.incarnations.append(operator)
            code = operator.wait()
            with self._changed:
                if self._killed:
                    self._killed -= 1
                elif not self._stopping:
                    self.unexpected.append(code)
                if not self._for_ever:
                    return

    def ended(self):
        """With for_ever False."""
        return not self._thread.is_alive()

    def stop(self):
        """The exit code after SIGTERM."""
        with self._changed:
            self._stopping = True
            last = self.incarnations[-1] if self.incarnations else None
        code = last.stop() if last else 0
        self._thread.join(timeout=30)
        return code

    def log(self):
        """Every line that every incarnation has said."""
        return "\n".join(f"--- incarnation {number}\n{one.tail(10_000)}"
                         for number, one in enumerate(self.incarnations, 1))

    def lines(self, *words, **what):
        return [line for one in self.incarnations for line in one.lines(*words, **what)]
