#!/usr/bin/python3
"""Configuration files as people write them: one line is changed, every other byte is kept; and what
wins over the file is noticed."""

from fixture import PATIENCE, OperatorTest, main
from objects import wait_until

# file before → what stands in it after 250 was raised to 290
FILES = {
    "twice": ("max_connections = 100\nport = 5432\nmax_connections = 250\n",
              "max_connections = 100\nport = 5432\nmax_connections = 290\n"),
    "comment": ("# mine\n  max_connections=250   # for ten\nwork_mem = 4MB\n",
                "# mine\n  max_connections=290   # for ten\nwork_mem = 4MB\n"),
    "crlf": ("work_mem = 4MB\r\nmax_connections = 250\r\nlog_connections = off\r\n",
             "work_mem = 4MB\r\nmax_connections = 290\r\nlog_connections = off\r\n"),
    "no final newline": ("work_mem = 4MB\nmax_connections = 250",
                         "work_mem = 4MB\nmax_connections = 290"),
    "commented out": ("max_connections = 250\n#max_connections = 7\n# max_connections = 8\n",
                      "max_connections = 290\n#max_connections = 7\n# max_connections = 8\n"),
    "quoted": ("MAX_CONNECTIONS '250'\n\twork_mem = '4MB' # a\n",
               "MAX_CONNECTIONS '290'\n\twork_mem = '4MB' # a\n"),
}
TWELVE = 12  # instances; 12 × 20 + 50 = 290


class Files(OperatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.common = cls.servers.make("common", "max_connections = 250\n")
        cls.common.start()
        cls.start_operator()

    def raised(self, name, before):
        """A shop that wants 290; nobody restarts its server."""
        shop = self.shop(name.replace(" ", "-"), self.common, config=before, instances=TWELVE,
                         spec={"restart": {"policy": "Manual"}})
        shop.make()
        shop.make_policy()
        return shop

    def test_every_other_byte_is_kept(self):
        shops = {name: self.raised(name, before) for name, (before, _) in FILES.items()}
        for name, (_, after) in FILES.items():
            with self.subTest(name):
                shop = shops[name]
                self.operator.wait_for(PATIENCE, "250 → 290", event="MaxConnectionsPatched",
                                       about=shop.name)
                self.assertEqual(after, shop.file())
                self.assertEqual(290, self.common.would_start_with(after))
                data = self.namespace.get("ConfigMap", f"{shop.name}-config")["data"]
                self.assertEqual("untouched", data["other.conf"])
        self.the_note_about_two_lines(shops["twice"])

    def the_note_about_two_lines(self, shop):
        words = [f"ConfigMap {shop.namespace.name}/{shop.name}-config", "2 times", "line 3"]
        self.operator.wait_for(PATIENCE, *words, event="ConfigurationNote", about=shop.name)
        # The event comes before the status is written.
        wait_until(lambda: f"{words} in {self.namespace.condition(shop.name)}", PATIENCE, lambda:
                   all(word in self.namespace.condition(shop.name)[2] for word in words))

    def test_a_file_that_is_none(self):
        shop = self.shop("broken", self.common, config="max_connections = lots\n")
        shop.make()
        shop.make_policy()
        words = [f"ConfigMap {shop.namespace.name}/broken-config", "max_connections", "lots"]
        self.operator.wait_for(PATIENCE, *words, event="DatabaseInvalid", about="broken")
        before = shop.state()
        self.assertEqual("max_connections = lots\n", shop.file())
        shop.write_file("max_connections = 250\n")
        self.becomes("broken", "True", "InStep")
        del before["ConfigMap"]
        self.assertLessEqual(before.items(), shop.state().items())


class Overridden(OperatorTest):
    """The file is followed by something that wins. No restart helps, so none is made."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_operator()
        cls.shops = {  # where the value is set → the shop
            "more.conf line 1": cls.with_include(),
            "postgresql.auto.conf line": cls.with_alter_system(),
            "command line": cls.own_shop("command-line", arguments=["-c", "max_connections=250"],
                                         instances=TWELVE)}

    @classmethod
    def with_include(cls):
        config = "max_connections = 250\ninclude 'more.conf'\n"
        server = cls.servers.make("include", config)
        server.configure("max_connections = 250\n", "more.conf")
        server.start()
        return cls.shop("include", server, own=True, instances=TWELVE, config=config)

    @classmethod
    def with_alter_system(cls):
        shop = cls.own_shop("alter-system", instances=TWELVE)
        shop.server.execute("ALTER SYSTEM SET max_connections = 250")
        return shop

    def test_what_wins_over_the_file(self):
        for shop in self.shops.values():
            shop.make()
            shop.make_policy()
        for where, shop in self.shops.items():
            with self.subTest(where):
                self.told(shop, where)
        self.operator.wait_for(PATIENCE, "includes more.conf after line 1",
                               event="ConfigurationNote", about="include")
        self.mend(*self.shops.values())
        for where, shop in self.shops.items():
            with self.subTest(where, mended=True):
                self.becomes(shop.name, "True", "InStep")
                self.assertEqual(290, shop.server.max_connections())

    def told(self, shop, where):
        """The value is told, the server is left alone."""
        self.operator.wait_for(PATIENCE, where, "remove it there", event="OverriddenByAlterSystem",
                               about=shop.name)
        message = self.becomes(shop.name, "False", "RestartUnsafe")
        self.assertIn(where, message)
        self.assertIn("remove it there", message)
        self.assertEqual([], self.restarts_of(shop))
        self.assertEqual(1, shop.server.starts)
        self.assertTrue(shop.file().startswith("max_connections = 290\n"))

    def mend(self, include, alter_system, command_line):
        include.server.configure("work_mem = 4MB\n", "more.conf")
        alter_system.server.execute("ALTER SYSTEM RESET max_connections")
        command_line.server.arguments.clear()
        self.namespace.delete("Pod", f"{command_line.database}-0")  # as a rollout would


if __name__ == "__main__":
    main()
