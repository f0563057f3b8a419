"""The page as it is sent, with a script that has gradio look its texts up, in Italian too, and names its language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Gradio looks up again, once a language has arrived, only the texts that are marked. They are marked here and not on
# the server, so that its API goes on naming its parameters in words. Gradio itself has no Italian, and falls back to
# English: that is where the Italian texts are put. It names the language that it chose; where the page lacks that one,
# or has one that gradio lacks, the texts are in another.
SCRIPT = b"""<script>{
const root = document.documentElement, texts = gradio_config.i18n_translations;
for (const {props} of gradio_config.components)
  for (const name of ["label", "info", "placeholder", "value"])
    if (typeof props[name] === "string" && Object.hasOwn(texts.de, props[name]))
      props[name] = "__i18n__" + JSON.stringify({__type__: "translation_metadata", key: props[name]});
const language = navigator.language.split("-")[0];
if (language === "it") texts.en = texts.it;
const own = Object.hasOwn(texts, language) ? language : "en";
const name = () => { if (root.lang !== own) root.lang = own; };
new MutationObserver(name).observe(root, {attributeFilter: ["lang"]});
name();
}</script>
"""
BEFORE = b"</head>"  # after gradio's settings, before the modules that read them


class DocumentLanguage:
    """An ASGI middleware that adds the script to the page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and scope["path"] == "/" and scope["method"] == "GET"
        await self._app(scope, receive, _with_script(send) if is_page else send)


def _with_script(send: Send) -> Send:
    """Sends the page, which comes in one piece, with the script in its head."""

    async def send_page(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["content-length"] = str(int(headers["content-length"]) + len(SCRIPT))
        elif BEFORE in message["body"]:
            message["body"] = message["body"].replace(BEFORE, SCRIPT + BEFORE, 1)
        await send(message)

    return send_page
