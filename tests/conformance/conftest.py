from testkit.fixtures import *  # noqa: F403  (fixtures and the hook that shows what processes said)
