using System.Text;
using EdgeSdk.Protocol;
using EdgeSdk.Text;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace EdgeSdk.ProcessTests;

/// <summary>
/// The dearest requests that a server takes, and the ones just beyond: none costs it more than a hundred times what it costs its sender before the text begins
/// (test 15 of our reliability rules). They ask for no token, so that what is measured is the request alone.
/// </summary>
[Collection(nameof(AmplificationTests))]
[CollectionDefinition(nameof(AmplificationTests), DisableParallelization = true)]
public sealed class AmplificationTests : IAsyncLifetime
{
    private const int Context = 3072, FrameBytes = 256 * 1024, ConstraintCharacters = 64 * 1024;

    /// <summary>Processor time that any request may take beside: the clock's tick is 10 ms, and in this process the code itself is still being compiled.</summary>
    private static readonly TimeSpan s_freeTime = TimeSpan.FromMilliseconds(150);

    /// <summary>Bytes that any request may take beside: buffers of the connection, a young generation, one cache of keys and values.</summary>
    private const long FreeBytes = 48 << 20;

    private const int Times = 5;

    private static readonly Tokenizer s_tokenizer = Tokenizer.Load(Edge.Server);
    private static int s_serial;
    private Edge _server = null!;
    private GrpcChannel _channel = null!;
    private string _url = "";
    private int _sent;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>What makes each request dear, whether it is taken, and else what the refusal must name.</summary>
    private static readonly Dictionary<string, (Action<Open> Change, StatusCode Status, string[] Names)> s_requests = new()
    {
        ["a prompt as long as the context allows"] = Taken(open => Prompt(open, Context - 1)),
        ["a prompt longer by one"] = Refused(open => Prompt(open, Context), "3073", "3072"),
        ["a frame of all bytes"] = Taken(open => FillTo(open, FrameBytes)),
        ["a frame of a byte more"] = (open => FillTo(open, FrameBytes + 1), StatusCode.ResourceExhausted, ["262144", "frame_bytes"]),
        ["a frame of ids"] = Refused(open => open.Prompt = Ids(FrameBytes - 200), "3072"),
        ["a frame of unknown fields"] = Taken(open => open.MergeFrom(Unknown(FrameBytes - 300))),
        ["drafts, as many as fit"] = Taken(open => open.Drafts = Ids(64)),
        ["a draft more"] = Refused(open => open.Drafts = Ids(65), "Open.drafts.ids is 65 long", "64"),
        ["biases, as many as fit"] = Taken(open => Bias(open, 1024)),
        ["a bias more"] = Refused(open => Bias(open, 1025), "1025", "1024"),
        ["a frame of biases"] = Refused(open => Bias(open, 4096), "4096", "1024"),
        ["the largest numbers"] = Taken(open => (open.Sampler.TopK, open.Sampler.ThinkingBudget, open.Sampler.Temperature) = (int.MaxValue, int.MaxValue, float.MaxValue)),
        ["an expression of the longest source"] = Taken(open => Constrain(open, "regex", Padded("(?:[^a-z\\u0100\\u0200\\u0300]|x)", ConstraintCharacters - 8))),
        ["a source longer by one"] = Refused(open => Constrain(open, "regex", new string('a', ConstraintCharacters + 1), exactly: true), "Open.sampler.constraint is 65537 characters", "65536"),
        ["a literal of the longest source"] = Taken(open => Constrain(open, "regex", new string('a', ConstraintCharacters - 8))),
        ["a schema of many properties"] = Taken(open => Constrain(open, "json-schema", Schema(Enumerable.Range(0, 1300), i => "{\"type\":\"string\",\"maxLength\":9}"))),
        ["a schema of names to be avoided"] = Refused(open => Constrain(open, "json-schema", Schema(Enumerable.Range(0, 3000).Select(i => i * 7919), i => "{}", ",\"additionalProperties\":true")), "too large"),
        ["a schema of nested arrays"] = Taken(open => Constrain(open, "json-schema", Nested(63))),
        ["a schema nested deeper by one"] = Refused(open => Constrain(open, "json-schema", Nested(64)), "nested deeper than 64"),
        ["a schema of brackets"] = Refused(open => Constrain(open, "json-schema", new string('[', 60_000)), "no JSON"),
        ["a schema of many choices"] = Taken(open => Constrain(open, "json-schema", $$"""{"enum":[{{string.Join(',', Enumerable.Range(0, 7_000).Select(i => $"\"{i}\""))}}]}""")),
        ["a schema of the highest count"] = Taken(open => Constrain(open, "json-schema", """{"type":"string","maxLength":1000000}""")),
        ["a schema of a higher count"] = Refused(open => Constrain(open, "json-schema", """{"type":"string","maxLength":1000001}"""), "maxLength", "1000000"),
        ["a grammar of many rules"] = Taken(open => Constrain(open, "gbnf", string.Join('\n', Enumerable.Range(0, 3_000).Select(i => $"r{i} ::= r{i + 1}")) + "\nr3000 ::= \"a\"\nroot ::= r0")),
        ["a grammar of nested groups"] = Refused(open => Constrain(open, "gbnf", "root ::= " + new string('(', 60_000)), "nested deeper than 64"),
        ["a grammar of an ambiguous sum"] = Taken(open => Constrain(open, "gbnf", "root ::= (\"a\" root | \"a\" root \"b\" | \"a\" root \"b\" root | \"\")")),
        ["an expression that doubles its states"] = Taken(open => Constrain(open, "regex", Exponential)),
        ["an expression of many places"] = Refused(open => Constrain(open, "regex", string.Concat(Enumerable.Repeat("[a-z ]?", 9_000))), "too ambiguous"),
        ["committed ids that do not fit"] = Refused(open => (open.Committed, open.MaxTokens) = (Ids(2_000), 2_000), "does not fit", "Open.committed.ids", then: open => Constrain(open, "regex", "b+")),
        ["committed ids, more than asked for"] = Refused(open => (open.Committed, open.MaxTokens) = (Ids(11), 10), "Open.committed.ids is 11 long", "10"),
        ["many messages"] = Refused(open => Turns(open, "[" + string.Join(',', Enumerable.Repeat("""{"role":"user","content":"a"}""", 8_000)) + "]"), "3072"),
        ["a message of all bytes"] = Refused(open => Turns(open, $$"""[{"role":"user","content":"{{new string('a', FrameBytes - 300)}}"}]"""), "3072"),
        ["messages that are empty"] = Refused(open => Turns(open, "[" + string.Join(',', Enumerable.Repeat("{}", 80_000)) + "]"), "Open.turns"),
        ["a message nested deeply"] = Refused(open => Turns(open, """[{"role":"user","content":""" + new string('[', 100_000)), "no JSON"),
        ["a message of half a character"] = Refused(open => Turns(open, """[{"role":"user","content":"\ud800"}]"""), "Open.turns"),
        ["tools of half a character"] = Refused(open => { Turns(open, """[{"role":"user","content":"a"}]"""); open.Turns.ToolsJson = """[{"type":"function","function":{"name":"\ud800"}}]"""; }, "Open.turns"),
    };

    /// <summary>Dear to read, or to write by.</summary>
    private static readonly Action<Open>[] s_bombs =
    [
        open => { Constrain(open, "regex", Exponential); (open.MaxTokens, open.IgnoreEnd) = (4, true); },
        open => Constrain(open, "regex", Padded("(?:[^a-z\\u0100\\u0200\\u0300]|x)", ConstraintCharacters - 8)),
        open => Constrain(open, "json-schema", Schema(Enumerable.Range(0, 3000).Select(i => i * 7919), i => "{}", ",\"additionalProperties\":true")),
        open => Turns(open, "[" + string.Join(',', Enumerable.Repeat("""{"role":"user","content":"a"}""", 8_000)) + "]"),
    ];

    private static string Exponential => string.Join('|', "abcdefghijklmnopqrstuvwxyz".Select(c => $".*{c}.{{12}}"));

    public async ValueTask InitializeAsync()
    {
        (_server, _url) = await Edge.ServeFrugallyAsync(Edge.Server);
        _channel = GrpcChannel.ForAddress(_url);
    }

    [Fact]
    public async Task No_request_costs_a_server_more_than_a_hundred_times_what_it_costs_its_sender()
    {
        var lines = new StringBuilder();
        bool isDear = false;
        foreach (var (name, (change, status, names)) in s_requests)
        {
            for (int i = 0; i < 3; i++)
                await HoldsAsync(name, Made(change), status, names);

            Open[] requests = [.. Enumerable.Range(0, Times).Select(_ => Made(change))];
            long bytes = requests[0].CalculateSize(), before = _server.Memory.Now;
            _server.ForgetPeak();
            var (server, client) = (_server.ProcessorTime, Environment.CpuUsage.TotalTime);
            foreach (var request in requests)
                await SendAsync(request);

            client = Environment.CpuUsage.TotalTime - client;
            server = _server.ProcessorTime - server;
            long grown = _server.Memory.Peak - before;
            lines.AppendLine($"{name,-42} {bytes,8} B: server {server.TotalMilliseconds / Times,7:F1} ms, client {client.TotalMilliseconds / Times,6:F2} ms, memory {grown / 1e6,6:F1} MB");
            isDear |= server > 100 * client + Times * s_freeTime || grown > 100 * bytes + FreeBytes;
        }

        TestContext.Current.SendDiagnosticMessage(lines.ToString());
        Assert.False(isDear, lines.ToString());
    }

    [Fact]
    public async Task Texts_go_on_and_are_what_they_are_alone_while_dear_requests_come_from_all_sides()
    {
        var good = Text(60);
        int[] alone = await DecodeAsync(good);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        int sent = 0;
        var bombing = Task.WhenAll(Enumerable.Range(0, 50).Select(i => Task.Run(async () =>
        {
            using var channel = GrpcChannel.ForAddress(_url);
            var client = new Protocol.Edge.EdgeClient(channel);
            while (!ended.IsCancellationRequested)
            {
                var (code, detail) = await SendAsync(client, Made(s_bombs[i % s_bombs.Length]));
                Assert.True(code is StatusCode.OK or StatusCode.InvalidArgument, $"{code}: {detail}");
                Interlocked.Increment(ref sent);
            }
        })));

        Assert.Equal(alone, await DecodeAsync(good));
        await ended.CancelAsync();
        await bombing;
        Assert.True(sent >= 50, $"only {sent} were read");
    }

    [Fact]
    public async Task A_thousand_dear_requests_leave_no_more_behind_than_some_of_them()
    {
        for (int i = 0; i < 200; i++)
            await SendAsync(Made(Bomb(i)));

        long before = _server.Memory.Now;
        _server.ForgetPeak();
        for (int i = 0; i < 800; i++)
            await SendAsync(Made(Bomb(i)));

        long grown = _server.Memory.Peak - before;
        Assert.True(grown < 64 << 20, $"{grown / 1e6:F1} MB more at the peak of 800 requests than after 200");

        // What is kept of constraints is bounded by 128 MB; most requests here leave a small one.
        static Action<Open> Bomb(int i) => i % 40 == 0 ? s_bombs[0] : open => Constrain(open, "regex", Padded("(?:[^a-z\\u0100]|x)", 4_000));
    }

    [Fact]
    public async Task A_device_that_leaves_takes_its_dear_request_with_it()
    {
        await SendAsync(Made(Dear));
        var before = _server.ProcessorTime;
        for (int i = 0; i < 20; i++)
        {
            using var call = new Protocol.Edge.EdgeClient(_channel).Generate(cancellationToken: Cancellation);
            await call.RequestStream.WriteAsync(new() { Open = Made(open => { Dear(open); (open.Committed, open.MaxTokens) = (Ids(2_900), 2_900); }) }, Cancellation);
            await new Protocol.Edge.EdgeClient(_channel).DescribeAsync(new() { Version = 1 }, cancellationToken: Cancellation);
        }

        var spent = TimeSpan.Zero;
        for (var last = TimeSpan.MaxValue; last > TimeSpan.FromMilliseconds(50); last = _server.ProcessorTime - before - spent)
        {
            spent = _server.ProcessorTime - before;
            await Task.Delay(300, Cancellation);
        }

        // Read to the end, each of them would take seconds: thousands of places for each of 2,900 tokens.
        Assert.True(spent < TimeSpan.FromSeconds(20), $"{spent.TotalSeconds:F1} s for 20 requests that nobody waits for");
        Assert.Equal(5, (await DecodeAsync(Text(5))).Length);

        static void Dear(Open open) => Constrain(open, "regex", Padded("a?", 10_000) + new string('a', 5_000));
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await _server.DisposeAsync();
    }

    private async Task HoldsAsync(string name, Open open, StatusCode status, string[] names)
    {
        var (code, detail) = await SendAsync(open);
        Assert.True(status == code, $"{name}: {code} {detail}");
        Assert.All(names, word => Assert.Contains(word, detail, StringComparison.Ordinal));
        Assert.True(detail.Length < 700, $"{name}: {detail}");
    }

    private static Open Text(int tokens) => Made(open => (open.MaxTokens, open.IgnoreEnd) = (tokens, true));

    private async Task<int[]> DecodeAsync(Open open)
    {
        using var call = new Protocol.Edge.EdgeClient(_channel).Generate(cancellationToken: Cancellation);
        await call.RequestStream.WriteAsync(new() { Open = open }, Cancellation);
        var tokens = new List<int>();
        while (await call.ResponseStream.MoveNext(Cancellation))
            tokens.AddRange(call.ResponseStream.Current.Commit?.Ids ?? []);

        return [.. tokens];
    }

    private Task<(StatusCode Code, string Detail)> SendAsync(Open open)
    {
        // A connection is told to calm down after two hundred streams that the server's side ends within five seconds.
        if (++_sent % 100 == 0)
        {
            _channel.Dispose();
            _channel = GrpcChannel.ForAddress(_url);
        }

        return SendAsync(new Protocol.Edge.EdgeClient(_channel), open);
    }

    /// <summary>Sends a request and reads to the end of its stream.</summary>
    private static async Task<(StatusCode Code, string Detail)> SendAsync(Protocol.Edge.EdgeClient client, Open open)
    {
        using var call = client.Generate(cancellationToken: Cancellation);
        try
        {
            await call.RequestStream.WriteAsync(new() { Open = open }, Cancellation);
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException)
        {
            // Refused before it was through: the status comes by reading.
        }

        try
        {
            while (await call.ResponseStream.MoveNext(Cancellation))
            {
            }

            return (StatusCode.OK, "");
        }
        catch (RpcException e)
        {
            return (e.StatusCode, e.Status.Detail);
        }
    }

    private static (Action<Open>, StatusCode, string[]) Taken(Action<Open> change) => (change, StatusCode.OK, []);

    private static (Action<Open>, StatusCode, string[]) Refused(Action<Open> change, params string[] names) => (change, StatusCode.InvalidArgument, names);

    private static (Action<Open>, StatusCode, string[]) Refused(Action<Open> change, string name, string other, Action<Open> then) =>
        (open => { change(open); then(open); }, StatusCode.InvalidArgument, [name, other]);

    private static Open Made(Action<Open> change)
    {
        var open = new Open
        {
            Version = 1,
            VocabularyFingerprint = s_tokenizer.Fingerprint,
            Sampler = new() { TopP = 1, Noise = "edge-1" },
            Prompt = Ids(8),
        };
        change(open);
        return open;
    }

    private static Tokens Ids(int count) => new() { Ids = { Enumerable.Repeat(s_tokenizer.Encode("a")[^1], count) } };

    private static void Prompt(Open open, int count) => open.Prompt = Ids(count);

    private static void Turns(Open open, string messages) => open.Turns = new() { MessagesJson = messages };

    private static void Bias(Open open, int count)
    {
        open.Sampler.BiasIds.AddRange(Enumerable.Range(0, count));
        open.Sampler.Biases.AddRange(Enumerable.Repeat(1f, count));
    }

    /// <summary>Each source is another, so that none is found compiled.</summary>
    private static void Constrain(Open open, string kind, string source, bool exactly = false)
    {
        string serial = $"{Interlocked.Increment(ref s_serial):D7}";
        (open.Sampler.ConstraintKind, open.Sampler.Constraint) = (kind, exactly ? source : kind switch
        {
            "regex" => $"{source}|{serial}",
            "gbnf" => $"{source}\n#{serial}",
            _ => source.Insert(1, $"\"title\":\"{serial}\","),
        });
    }

    private static string Padded(string part, int length) => string.Concat(Enumerable.Repeat(part, length / part.Length));

    private static string Schema(IEnumerable<int> names, Func<int, string> of, string more = "") =>
        $$"""{"type":"object","properties":{{{string.Join(',', names.Select(i => $"\"p{i:x6}\":{of(i)}"))}}}{{more}}}""";

    private static string Nested(int depth) => string.Concat(Enumerable.Repeat("""{"items":""", depth)) + "true" + new string('}', depth);

    private static void FillTo(Open open, int bytes)
    {
        open.Client = new('x', FrameBytes / 2);
        open.Client = new('x', FrameBytes / 2 + bytes - new DeviceFrame { Open = open }.CalculateSize());
    }

    /// <summary>As many fields of their own as fit, each with a number.</summary>
    private static byte[] Unknown(int bytes)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true))
        {
            for (int field = 100; stream.Length + 4096 < bytes; field++)
            {
                output.WriteTag(field, WireFormat.WireType.LengthDelimited);
                output.WriteLength(0);
            }
        }

        return stream.ToArray();
    }
}
