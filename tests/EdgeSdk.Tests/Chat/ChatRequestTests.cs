using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSdk.Chat;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Tests.Chat;

public class ChatRequestTests
{
    private static readonly EdgeOptions s_defaults = new() { MaxOutputTokens = 7, Route = EdgeRoute.Together };
    private static readonly ChatMessage[] s_hello = [new(ChatRole.User, "Hello")];

    [Fact]
    public void Without_options_the_client_decides()
    {
        var request = Read(null);

        Assert.Equal((0f, 42UL, 0, 1f), (request.Sampler.Temperature, request.Sampler.Seed, request.Sampler.TopK, request.Sampler.TopP));
        Assert.Equal(7, request.MaxOutputTokens);
        Assert.Equal(EdgeRoute.Together, request.Route);
        Assert.Null(request.Tools);
    }

    [Fact]
    public void Options_reach_the_sampler()
    {
        var request = Read(new ChatOptions { Temperature = 0.7f, Seed = -1, TopK = 40, TopP = 0.9f, MaxOutputTokens = 3 }.WithRoute(EdgeRoute.Server));

        Assert.Equal((0.7f, ulong.MaxValue, 40, 0.9f), (request.Sampler.Temperature, request.Sampler.Seed, request.Sampler.TopK, request.Sampler.TopP));
        Assert.Equal(3, request.MaxOutputTokens);
        Assert.Equal(EdgeRoute.Server, request.Route);
    }

    [Fact]
    public void The_callers_options_are_not_changed()
    {
        var tool = AIFunctionFactory.CreateDeclaration("Find", "Finds.", JsonElement.Parse("""{"type":"object","properties":{"city":{}}}"""));
        var options = new ChatOptions { Instructions = "Be brief.", Tools = [tool] };
        string before = JsonSerializer.Serialize(options, AIJsonUtilities.DefaultOptions.GetTypeInfo(typeof(ChatOptions)));

        Read(options);

        Assert.Equal(before, JsonSerializer.Serialize(options, AIJsonUtilities.DefaultOptions.GetTypeInfo(typeof(ChatOptions))));
    }

    public static TheoryData<string, ChatOptions> NotHonoured => new()
    {
        { nameof(ChatOptions.ResponseFormat), new() { ResponseFormat = ChatResponseFormat.Json } },
        { nameof(ChatOptions.ToolMode), new() { ToolMode = ChatToolMode.RequireAny } },
        { nameof(ChatOptions.ConversationId), new() { ConversationId = "1" } },
        { nameof(ChatOptions.Reasoning), new() { Reasoning = new() } },
        { nameof(ChatOptions.RawRepresentationFactory), new() { RawRepresentationFactory = _ => null } },
        { nameof(ChatOptions.AllowBackgroundResponses), new() { AllowBackgroundResponses = true } },
        { nameof(ChatOptions.ContinuationToken), new() { ContinuationToken = ResponseContinuationToken.FromBytes(new byte[] { 1 }) } },
        { nameof(ChatOptions.AdditionalProperties), new() { AdditionalProperties = new() { ["mirostat"] = 2 } } },
        { nameof(ChatOptions.ModelId), new() { ModelId = "another" } },
        { nameof(ChatOptions.Tools), new() { Tools = [new HostedWebSearchTool()] } },
    };

    [Theory]
    [MemberData(nameof(NotHonoured))]
    public void A_field_that_is_not_honoured_throws_and_names_itself(string field, ChatOptions options)
    {
        var e = Assert.Throws<NotSupportedException>(() => Read(options));

        Assert.Contains("ChatOptions." + field, e.Message, StringComparison.Ordinal);
    }

    /// <summary>Honoured in the tests of this class, of the reader and of the client.</summary>
    private static readonly string[] s_honoured =
    [
        nameof(ChatOptions.AllowMultipleToolCalls), nameof(ChatOptions.FrequencyPenalty), nameof(ChatOptions.Instructions),
        nameof(ChatOptions.MaxOutputTokens), nameof(ChatOptions.PresencePenalty), nameof(ChatOptions.Seed),
        nameof(ChatOptions.StopSequences), nameof(ChatOptions.Temperature), nameof(ChatOptions.TopK), nameof(ChatOptions.TopP),
    ];

    [Fact]
    public void Every_field_of_ChatOptions_is_honoured_or_refused()
    {
        var fields = typeof(ChatOptions).GetProperties().Select(p => p.Name).Order();
        var known = s_honoured.Concat(NotHonoured.Select(row => row.Data.Item1)).Order();

        Assert.Equal(fields, known);
    }

    [Fact]
    public void Penalties_reach_the_sampler()
    {
        var sampler = Read(new() { FrequencyPenalty = 0.5f, PresencePenalty = -1, AdditionalProperties = new() { ["repetition_penalty"] = 1.1 } }).Sampler;

        Assert.Equal((0.5f, -1f, 1.1f), (sampler.FrequencyPenalty, sampler.PresencePenalty, sampler.RepetitionPenalty));
        Assert.Contains("FrequencyPenalty", Assert.Throws<ArgumentOutOfRangeException>(() => Read(new() { FrequencyPenalty = 3 })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_ChatOptions_has_no_field_for_comes_as_an_additional_property()
    {
        Assert.Equal(0.25f, Read(new() { AdditionalProperties = new() { ["min_p"] = 0.25 } }).Sampler.MinP);
        Assert.Equal(0.25f, Read(new() { AdditionalProperties = new() { ["min_p"] = JsonElement.Parse("0.25") } }).Sampler.MinP);
        Assert.Equal(0.25f, Read(new() { AdditionalProperties = new() { ["min_p"] = "0.25" } }).Sampler.MinP);
        Assert.Contains("min_p", Assert.Throws<ArgumentException>(() => Read(new() { AdditionalProperties = new() { ["min_p"] = "much" } })).Message, StringComparison.Ordinal);
        Assert.Contains("\"mirostat\"", Assert.Throws<NotSupportedException>(() => Read(new() { AdditionalProperties = new() { ["mirostat"] = 2 } })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_outside_its_range_throws_and_names_itself()
    {
        Assert.Contains("Temperature", Assert.Throws<ArgumentOutOfRangeException>(() => Read(new() { Temperature = -1 })).Message, StringComparison.Ordinal);
        Assert.Contains("TopP", Assert.Throws<ArgumentOutOfRangeException>(() => Read(new() { TopP = 1.5f })).Message, StringComparison.Ordinal);
        Assert.Contains("StopSequences", Assert.Throws<ArgumentException>(() => Read(new() { StopSequences = ["a", ""] })).Message, StringComparison.Ordinal);
        Assert.Contains("MaxOutputTokens", Assert.Throws<ArgumentOutOfRangeException>(() => Read(new() { MaxOutputTokens = 0 })).Message, StringComparison.Ordinal);
        Assert.Contains("edge.route", Assert.Throws<ArgumentException>(() => Read(new() { AdditionalProperties = new() { ["edge.route"] = "sideways" } })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tools_come_with_their_schemas_and_not_at_all_in_mode_none()
    {
        var tool = AIFunctionFactory.CreateDeclaration("Find", "Finds.", JsonElement.Parse("""{"type":"object","properties":{"city":{"type":"string"}}}"""));

        var function = Read(new() { Tools = [tool] }).Tools![0]!["function"]!;

        Assert.Equal("Find", (string?)function["name"]);
        Assert.Equal("city", Assert.Single(function["parameters"]!["properties"]!.AsObject()).Key);
        Assert.Null(Read(new() { Tools = [tool], ToolMode = ChatToolMode.None }).Tools);
    }

    [Fact]
    public void Instructions_join_the_system_message()
    {
        var request = ChatRequest.From(
            [new(ChatRole.System, "You book tables."), .. s_hello], new ChatOptions { Instructions = "Be brief." }, s_defaults, 42, "model");

        Assert.Equal("Be brief.\nYou book tables.", (string?)request.Messages[0]!["content"]);
        Assert.Equal(2, request.Messages.Count);
        Assert.Equal("Be brief.", (string?)Read(new() { Instructions = "Be brief." }).Messages[0]!["content"]);
    }

    [Fact]
    public void Calls_and_results_take_the_form_of_chat_templates()
    {
        ChatMessage[] messages =
        [
            .. s_hello,
            new(ChatRole.Assistant, [new FunctionCallContent("1", "Find", new Dictionary<string, object?> { ["city"] = "São José", ["n"] = 2 })]),
            new(ChatRole.Tool, [new FunctionResultContent("1", JsonElement.Parse("""[{"name":"Sino"}]""")), new FunctionResultContent("2", "plain")]),
        ];

        var json = ChatRequest.From(messages, null, s_defaults, 42, "model").Messages;

        var call = json[1]!["tool_calls"]![0]!["function"]!;
        Assert.Equal("Find", (string?)call["name"]);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse("""{"city":"São José","n":2}"""), call["arguments"]));
        Assert.Equal(["tool", "tool"], json.Skip(2).Select(m => (string?)m!["role"]));
        Assert.Equal("""[{"name":"Sino"}]""", (string?)json[2]!["content"]);
        Assert.Equal("plain", (string?)json[3]!["content"]);
    }

    [Fact]
    public void Content_that_the_model_cannot_take_is_refused_by_name()
    {
        var image = new ChatMessage(ChatRole.User, [new DataContent(new byte[] { 1 }, "image/png")]);

        var e = Assert.Throws<NotSupportedException>(() => ChatRequest.From([image], null, s_defaults, 42, "model"));

        Assert.Contains(nameof(DataContent), e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_message_is_an_argument_error() =>
        Assert.Throws<ArgumentException>(() => ChatRequest.From([], null, s_defaults, 42, "model"));

    private static ChatRequest Read(ChatOptions? options) => ChatRequest.From(s_hello, options, s_defaults, 42, "model");
}
