"""The fixtures of every cause."""

import causes_build
import causes_driver
import causes_machine

ALL = (causes_machine, causes_driver, causes_build)
