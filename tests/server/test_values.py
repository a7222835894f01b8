"""What a browser sends and no page ever would, over a real WebSocket: the server answers, and with what there was."""

import asyncio
import json

from streamlit.proto.WidgetStates_pb2 import WidgetState
from test_triggers import NONSENSE

from topformer_viz.terminal.bench.visitor import Visitor


def test_what_makes_no_sense_changes_nothing(server: str) -> None:
    async def tell() -> None:
        visitor = Visitor(server)
        await visitor.open("lesson?size=256&block=2")
        run, events = visitor.tab.shown["run"], ("wish", "block", "follow")
        for value in NONSENSE:
            for component in ("lesson", "saving"):
                widget = visitor.tab.widgets[component]
                said = json.dumps([{"event": event, "value": value} for event in events])
                at = f"$$STREAMLIT_INTERNAL_KEY_{widget.id}__events"
                await visitor._rerun(widget.fragment, WidgetState(id=at, json_trigger_value=said))
                await visitor._answer({"run": run})  # and complains of nothing
        await visitor.rerun()
        assert visitor.tab.shown["block"] == 2
        await visitor.close()

    asyncio.run(tell())
