"""Objects of the API kept up to date by a watch, with the moment at which each change arrived."""

import json
import subprocess
import threading
import time


class Watch(threading.Thread):
    """Lists, then watches one collection, again and again until stopped.

    `path` is that of the API, with its query; `listener(object, time, gone)` is called for each
    change, in this thread."""

    def __init__(self, path, listener=None):
        super().__init__(daemon=True, name=f"watch {path}")
        self._path = path
        self._listener = listener
        self._lock = threading.Lock()
        self._objects = {}
        self._process = None
        self._stopped = threading.Event()
        self.listed = threading.Event()

    def objects(self):
        with self._lock:
            return list(self._objects.values())

    def stop(self):
        self._stopped.set()
        if self._process:
            self._process.terminate()

    def run(self):
        while not self._stopped.is_set():
            version = self._list()
            if version is not None:
                self._follow(version)
            self._stopped.wait(0.3)

    def _raw(self, query):
        joint = "&" if "?" in self._path else "?"
        return ["kubectl", "get", "--raw", self._path + (joint + query if query else "")]

    def _list(self):
        done = subprocess.run(self._raw(""), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return None
        listed = json.loads(done.stdout)
        fresh = {_key(one): one for one in listed["items"]}
        with self._lock:
            gone = [one for key, one in self._objects.items() if key not in fresh]
            self._objects = fresh
        for one in gone:
            self._tell(one, True)
        for one in fresh.values():
            self._tell(one, False)
        self.listed.set()
        return listed["metadata"]["resourceVersion"]

    def _follow(self, version):
        command = self._raw(f"watch=1&resourceVersion={version}")
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True) as self._process:
            for line in self._process.stdout:
                if self._stopped.is_set() or not self._take(json.loads(line)):
                    break
            self._process.terminate()

    def _take(self, change):
        one, kind = change["object"], change["type"]
        if kind == "ERROR":
            return False
        if kind == "BOOKMARK":
            return True
        with self._lock:
            if kind == "DELETED":
                self._objects.pop(_key(one), None)
            else:
                self._objects[_key(one)] = one
        self._tell(one, kind == "DELETED")
        return True

    def _tell(self, one, gone):
        if self._listener:
            self._listener(one, time.time(), gone)


def _key(one):
    return one["metadata"].get("namespace", ""), one["metadata"]["name"]
