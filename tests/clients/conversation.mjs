// One conversation of a TypeScript SDK's client with our server, over stdio: what it is asked on stdin, what was answered
// on stdout, both JSON.
//
//   {"sdk": 1 | 2, "era": "legacy" | "modern", "elicits": true | false, "server": {command, args, env}, "steps": [...]}
//
// A step is {"do": name, ...}; see `steps` below. An answer is {"result": …} or {"error": message}.

const asked = JSON.parse(await new Response(process.stdin).text());
const heard = { progress: [], elicited: [], logged: [] };

async function connected() {
  const info = { name: `typescript-sdk-${asked.sdk}`, version: "1" };
  const capabilities = asked.elicits ? { elicitation: { form: {} } } : {};
  const accept = async (request) => {
    heard.elicited.push(request.params.message);
    return { action: "accept", content: {} };
  };
  const log = async (notification) => void heard.logged.push(notification.params);
  if (asked.sdk === 1) {
    const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
    const { StdioClientTransport } = await import("@modelcontextprotocol/sdk/client/stdio.js");
    const types = await import("@modelcontextprotocol/sdk/types.js");
    const client = new Client(info, { capabilities });
    if (asked.elicits) client.setRequestHandler(types.ElicitRequestSchema, accept);
    client.setNotificationHandler(types.LoggingMessageNotificationSchema, log);
    await client.connect(new StdioClientTransport(asked.server));
    return { client, call: (params, options) => client.callTool(params, undefined, options) };
  }
  const { Client } = await import("@modelcontextprotocol/client");
  const { StdioClientTransport } = await import("@modelcontextprotocol/client/stdio");
  const versionNegotiation = asked.era === "modern" ? { mode: { pin: "2026-07-28" } } : { mode: "legacy" };
  const client = new Client(info, { capabilities, versionNegotiation });
  if (asked.elicits) client.setRequestHandler("elicitation/create", accept);
  client.setNotificationHandler("notifications/message", log);
  await client.connect(new StdioClientTransport(asked.server));
  return { client, call: (params, options) => client.callTool(params, options) };
}

const { client, call } = await connected();

const steps = {
  names: async () => ({
    tools: (await client.listTools()).tools.map((each) => each.name),
    prompts: (await client.listPrompts()).prompts.map((each) => each.name),
    resources: (await client.listResources()).resources.map((each) => each.uri),
    templates: (await client.listResourceTemplates()).resourceTemplates.map((each) => each.uriTemplate),
  }),
  call: ({ tool, args }) => call({ name: tool, arguments: args }),
  read: ({ uri }) => client.readResource({ uri }),
  prompt: ({ name, args }) => client.getPrompt({ name, arguments: args }),
  complete: ({ ref, argument, given }) =>
    client.complete({ ref, argument, ...(given ? { context: { arguments: given } } : {}) }),
  level: ({ level }) => client.setLoggingLevel(level),
  // Cancelled as soon as the call says how far it is.
  cancel: ({ tool, args }) => {
    const stop = new AbortController();
    const onprogress = (progress) => {
      heard.progress.push(progress);
      stop.abort("the user pressed escape");
    };
    return call({ name: tool, arguments: args }, { onprogress, signal: stop.signal });
  },
  heard: async () => heard,
};

const answers = [];
for (const step of asked.steps) {
  try {
    answers.push({ result: await steps[step.do](step) });
  } catch (error) {
    answers.push({ error: String(error?.message ?? error) });
  }
}
await client.close();
console.log(JSON.stringify(answers));
