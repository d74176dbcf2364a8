using System.Text;
using System.Text.Json.Nodes;
using EdgeSdk.Decoding;
using EdgeSdk.Protocol;
using EdgeSdk.Sampling;
using EdgeSdk.Server;
using EdgeSdk.Text;
using Grpc.Core;

namespace EdgeSdk.Tests.Server;

public sealed class TurnsTests
{
    private const string Messages = """[{"role":"user","content":"Grüße 你好"},{"role":"assistant","content":"hi"},{"role":"user","content":"and?"}]""";

    private static readonly Tokenizer Tokenizer = Tokenizer.Load(Assets.Data("hf/qwen3"));
    private static readonly ChatTemplate Template = ChatTemplate.Load(Assets.Data("hf/qwen3"));
    private static readonly int[] Prompt =
        Tokenizer.Encode(Template.Render(JsonNode.Parse(Messages)!.AsArray(), null, addGenerationPrompt: true), addSpecialTokens: false);

    // One that says bytes of long characters over and over, so that tokens end inside them.
    private static readonly int[] Characters = Tokenizer.Encode("世界🙂é", addSpecialTokens: false);
    private static readonly TableModel Model = new(
        new("table", "identity", Tokenizer.Fingerprint, Tokenizer.VocabularySize, 4096, [Tokenizer.IdOf("<|eos|>")!.Value]),
        new(64, 1, default),
        (ulong _, int place, in SamplerSpec _) => new(place == Prompt.Length + 40 ? Tokenizer.IdOf("<|eos|>")!.Value : Characters[place % Characters.Length], 0, 1));

    private static Task<EdgeServer> StartAsync() =>
        EdgeServer.StartAsync(Model, new() { Urls = "http://127.0.0.1:0", Tokenizer = Tokenizer, ChatTemplate = Template });

    private static Open OpenFor(string messages) => new() { Version = 1, Turns = new() { MessagesJson = messages }, MaxTokens = 60 };

    [Fact]
    public async Task Turns_are_rendered_and_the_commits_carry_their_text()
    {
        await using var server = await StartAsync();
        await using var stream = new DeviceStream(server.Address);
        await stream.SendAsync(OpenFor(Messages));

        var opened = await stream.ReadOpenedAsync();
        var text = await stream.ReadToEndAsync();

        Assert.True(opened.Info.Renders);
        Assert.Equal(Prompt.Length, opened.PromptTokens);
        Assert.Equal(Prompt.Length, text.Commits[0].Place);
        Assert.Equal(41, text.Tokens.Count);
        Assert.Equal(Tokenizer.Decode([.. text.Tokens.SkipLast(1)]), text.Text);
        Assert.All(text.Commits, commit => new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(commit.Text.Span));
    }

    [Fact]
    public async Task Text_goes_on_where_a_resume_takes_it_up_even_within_a_character()
    {
        await using var server = await StartAsync();
        var whole = await DeviceStream.DecodeAsync(server.Address, OpenFor(Messages));
        for (int committed = 1; committed <= Characters.Length; committed++)
        {
            var open = OpenFor(Messages);
            open.Committed = new() { Ids = { whole.Tokens[..committed] } };

            var rest = await DeviceStream.DecodeAsync(server.Address, open);

            string before = string.Concat(whole.Commits.Take(committed).Select(commit => commit.Text.ToStringUtf8()));
            Assert.Equal(whole.Text, before + rest.Text);
        }
    }

    [Theory]
    [InlineData("nonsense", "is no JSON")]
    [InlineData("{}", "an array of objects")]
    [InlineData("[1]", "an array of objects")]
    [InlineData("[]", "at least one message")]
    [InlineData("[{}]", "does not take these messages")]
    [InlineData("[{\"role\":\"user\",\"role\":\"system\",\"content\":\"\"}]", "is no JSON")]
    public async Task Turns_that_cannot_be_rendered_are_refused(string messages, string reason)
    {
        await using var server = await StartAsync();
        await using var stream = new DeviceStream(server.Address);
        await stream.SendAsync(OpenFor(messages));

        var refused = await stream.ReadFailureAsync();

        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.Contains(reason, refused.Status.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain(Assets.Data("hf"), refused.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Turns_nested_beyond_measure_are_refused()
    {
        await using var server = await StartAsync();
        await using var stream = new DeviceStream(server.Address);
        await stream.SendAsync(OpenFor(new string('[', 100_000)));

        Assert.Equal(StatusCode.InvalidArgument, (await stream.ReadFailureAsync()).StatusCode);
    }

    [Fact]
    public async Task A_device_that_sends_turns_cannot_draft()
    {
        await using var server = await StartAsync();
        var open = OpenFor(Messages);
        open.Drafts = new() { Ids = { 1 } };
        await using var stream = new DeviceStream(server.Address);
        await stream.SendAsync(open);

        Assert.Equal(StatusCode.InvalidArgument, (await stream.ReadFailureAsync()).StatusCode);
    }
}
