"""Which packages a wheel holds: those of hyper, and assets/ as hyper/assets; all else stands in pyproject.toml."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["hyper", "hyper.*"]), "hyper.assets"],
    package_dir={"hyper.assets": "assets"},
    include_package_data=False,
)
