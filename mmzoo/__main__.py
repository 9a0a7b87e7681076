"""`python -m mmzoo`, where the command is not on the path."""

import sys

from mmzoo.cli import main

sys.exit(main())
