"""What a fixture is: a healthy machine, what breaks it, the cause that must be found, and what may
not be missing for it to be found."""

ALL = []


class Fixture:
    """name: unique. framework: of --framework, "" for the program itself.
    root: the id of the one root cause; "gpu-used" or "unknown": that verdict, and no root.
    healthy: gives a machine, on which the verdict is `healed` ("gpu-used", or the id of the cause
             that shows then). None: there is no such variant.
    broken: changes that machine.
    deciding: paths and parts of .whycpu without which nobody can tell; then the verdict is
             `without`: "unknown", or what else is right then, or several of these.
    also: roots besides, after `root`. listed: causes that are found without being a root.
    """

    def __init__(
        self,
        name,
        framework,
        root,
        healthy,
        broken=None,
        deciding=(),
        without="unknown",
        healed="gpu-used",
        also=(),
        listed=(),
        asks_python=False,
    ):
        self.name, self.framework = name, framework
        self.roots = (root,) if isinstance(root, str) else tuple(root)
        self.root = self.roots[0]
        self.healthy, self.broken = healthy, broken
        self.deciding, self.healed = tuple(deciding), healed
        self.without = (without,) if isinstance(without, str) else tuple(without)
        self.also, self.listed = tuple(also), tuple(listed)
        self.asks_python = asks_python  # by --python; else .whycpu/process has it

    def machine(self):
        m = self.healthy()
        if self.broken:
            self.broken(m)
        return m

    def variants(self):
        """(name, machine, root, roots besides, listed) of each run."""
        yield self.name, self.machine(), self.roots, self.also, self.listed
        if self.broken and self.healed:
            yield self.name + ":healed", self.healthy(), (self.healed,), (), ()
        if self.deciding:
            m = self.machine()
            m.hide(*self.deciding)
            yield self.name + ":without", m, self.without, (), ()


def cause(root, framework, healthy, deciding=(), name=None, warns=False, verdict=None, **more):
    """Declares a fixture; the function below it breaks the machine. `warns`: the GPU is used, and
    the cause is listed. `verdict`: the rule finds no cause, and yet this comes of it."""

    def declare(broken):
        stem = name or broken.__name__.strip("_").replace("_", "-")
        whole = root + (f"/{stem}" if stem else "")
        if warns:
            ALL.append(
                Fixture(
                    whole,
                    framework,
                    "gpu-used",
                    healthy,
                    broken,
                    deciding,
                    **{"without": "gpu-used", "listed": (root,), **more},
                )
            )
        else:
            ALL.append(
                Fixture(whole, framework, verdict or root, healthy, broken, deciding, **more)
            )
        return broken

    return declare


def fine(name, framework, healthy, **more):
    """A machine on which nothing stands in the way."""
    ALL.append(Fixture("healthy/" + name, framework, "gpu-used", healthy, **more))
