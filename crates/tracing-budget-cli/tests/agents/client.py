"""Starts an MCP server by its command line, calls its tools, and prints the results as one JSON object.

Everything goes through the official SDK: what the SDK refuses to send or to accept, an agent would not get either.
"""

import asyncio
import json
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main() -> None:
    command, *arguments = json.loads(sys.argv[1])
    questions = json.loads(sys.argv[2])
    server = StdioServerParameters(command=command, args=arguments)
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        about = await session.initialize()
        tools = (await session.list_tools()).tools
        answers = []
        for tool, arguments in questions:
            # The session checks a structured answer against the schema that the tool was listed with.
            result = await session.call_tool(tool, arguments)
            text = "".join(part.text for part in result.content)
            answers.append({"tool": tool, "failed": failed(result), "structured": structured(result), "text": text})
        resources = (await session.list_resources()).resources
        read_up = {str(r.uri): (await session.read_resource(r.uri)).contents[0].text for r in resources}
        print(json.dumps({
            "instructions": about.instructions,
            "tools": {tool.name: tool.description for tool in tools},
            "answers": answers,
            "resources": read_up,
        }))


def failed(result) -> bool:
    return bool(getattr(result, "is_error", None) or getattr(result, "isError", None))


def structured(result):
    return getattr(result, "structured_content", None) or getattr(result, "structuredContent", None)


asyncio.run(main())
