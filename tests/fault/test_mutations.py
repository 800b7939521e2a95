#!/usr/bin/python3
"""What the mutations replace is there, once; whether they are noticed takes longer to see."""

import unittest

from mutations import MUTATIONS, ROOT


class Mutations(unittest.TestCase):
    def test_each_finds_its_place(self):
        for one in MUTATIONS:
            with self.subTest(one.name):
                text = (ROOT / one.file).read_text(encoding="utf-8")
                self.assertEqual(1, text.count(one.old), one.file)


if __name__ == "__main__":
    unittest.main()
