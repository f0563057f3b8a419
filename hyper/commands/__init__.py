"""The subcommands of `python -m hyper`, one file each."""
