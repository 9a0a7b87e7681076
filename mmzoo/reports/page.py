"""Every page of mmzoo is made here: one file without scripts that needs no network, in one style."""

from __future__ import annotations

import base64

from mmzoo.messages.words import decimal, short


def page(package: str, template: str, /, **values: object) -> bytes:
    """A template of a package, filled in; it includes style.css.j2, which all pages share.

    Values are escaped, wherever they come from. Half a surrogate pair, which no file can hold, becomes "?".
    """
    import jinja2

    loaders = [jinja2.PackageLoader(each, ".") for each in (package, __package__)]
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(loaders), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["picture"] = lambda png: data_url(png, "image/png")
    environment.filters["number"] = number
    environment.filters["short"] = lambda value: short(value, "+")
    environment.filters["signed"] = lambda value: decimal(value, "+")
    return environment.get_template(template).render(**values).encode("utf-8", "replace")


def data_url(data: bytes, kind: str) -> str:
    """A file inside the page."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def number(value: str | float | None) -> str:
    """Three decimals of a float, a dash for what is not there; a text and a whole number as they are."""
    if value is None:
        return "–"
    return str(value) if isinstance(value, (str, int)) else decimal(value)
