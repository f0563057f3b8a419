"""What gradio notes of every component for each visitor: worked out once, and not again for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradio.blocks import BlocksConfig

if TYPE_CHECKING:
    from gradio.blocks import Block, Blocks
    from gradio.renderable import Renderable


def note_once(demo: Blocks) -> None:
    """For a page that is complete. Describing its hundreds of components took a third of what an API request costs."""
    demo.default_config = _NotedConfig(demo.default_config, demo.blocks, {})


class _NotedConfig(BlocksConfig):
    """As it was, but for components that are as the page was made with them."""

    def __init__(self, config: BlocksConfig, made: dict[int, Block], noted: dict[int, dict[str, Any]]) -> None:
        vars(self).update(vars(config))
        self._made, self._noted = made, noted

    def __copy__(self) -> _NotedConfig:  # for a visitor, whose components may change
        return _NotedConfig(super().__copy__(), self._made, self._noted)

    def config_for_block(  # type: ignore[override]  # gradio's is static, and called on the object
        self, _id: int, rendered_ids: list[int], block: Block, renderable: Renderable | None = None
    ) -> dict[str, Any]:
        """What gradio says of it. A visitor's `props` may be changed, what lies deeper belongs to all."""
        if rendered_ids or renderable or block is not self._made.get(_id):
            return super().config_for_block(_id, rendered_ids, block, renderable)
        if _id not in self._noted:
            self._noted[_id] = super().config_for_block(_id, rendered_ids, block)
        noted = self._noted[_id]
        return {**noted, "props": {**noted["props"]}}
