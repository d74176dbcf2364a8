using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using EdgeSdk.Chat;
using EdgeSdk.Sampling;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Tests.Chat;

public partial class ChatRequestTests
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

    private static readonly JsonElement s_unsupported = JsonElement.Parse("""{"type":"object","properties":{"a~b":{"type":"array","uniqueItems":true}}}""");

    [Fact]
    public void Penalties_reach_the_sampler()
    {
        var sampler = Read(new() { FrequencyPenalty = 0.5f, PresencePenalty = -1, AdditionalProperties = new() { ["repetition_penalty"] = 1.1 } }).Sampler;

        Assert.Equal((0.5f, -1f, 1.1f), (sampler.FrequencyPenalty, sampler.PresencePenalty, sampler.RepetitionPenalty));
        Assert.Contains("FrequencyPenalty", Assert.Throws<ArgumentOutOfRangeException>(() => Read(new() { FrequencyPenalty = 3 })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Effort_is_a_share_of_the_output_and_an_exact_budget_comes_before_it()
    {
        int?[] budgets = [.. Enum.GetValues<ReasoningEffort>().Select(effort => Read(new() { MaxOutputTokens = 200, Reasoning = new() { Effort = effort } }).ThinkingBudget)];
        var exact = Read(new() { Reasoning = new() { Effort = ReasoningEffort.High }, AdditionalProperties = new() { ["thinking_budget"] = 33 } });
        var none = Read(new() { Reasoning = new() { Effort = ReasoningEffort.None } });
        var open = Read(new() { Reasoning = new() });

        Assert.Equal([0, 40, 100, 160, 190], budgets);
        Assert.Equal((33, true), (exact.ThinkingBudget, exact.Thinks));
        Assert.Equal((0, false), (none.ThinkingBudget, none.Thinks));
        Assert.Equal((null, null), (open.ThinkingBudget, open.Thinks));
        foreach (object wrong in new object[] { -1, 1.5, "many" })
        {
            Assert.Contains("thinking_budget", Assert.Throws<ArgumentException>(() => Read(new() { AdditionalProperties = new() { ["thinking_budget"] = wrong } })).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Own_options_are_read_as_the_additional_properties_that_they_stand_for()
    {
        var options = new ChatOptions
        {
            AdditionalProperties = new() { ["min_p"] = 0.5, ["repetition_penalty"] = 2 },
            RawRepresentationFactory = _ => new EdgeChatOptions { Route = EdgeRoute.Server, MinP = 0.25f, ThinkingBudget = 7, LogProbs = true },
        };
        using var client = new EdgeChatClient(Assets.Data("genai/qwen2-fp32"));

        var request = Read(MoreOptions.WithRaw(options, client));

        Assert.Equal((0.25f, 2f), (request.Sampler.MinP, request.Sampler.RepetitionPenalty));
        Assert.Equal((EdgeRoute.Server, (int?)7, true), (request.Route, request.ThinkingBudget, request.LogProbs));
        Assert.Equal(["min_p", "repetition_penalty"], options.AdditionalProperties.Keys.Order());
        Assert.NotNull(options.RawRepresentationFactory);
    }

    [Fact]
    public void Every_own_option_stands_for_a_property_that_is_known()
    {
        using var client = new EdgeChatClient(Assets.Data("genai/qwen2-fp32"));
        var all = new EdgeChatOptions { Route = EdgeRoute.Device, MinP = 0.1f, RepetitionPenalty = 1, LogitBias = new Dictionary<int, float> { [1] = 1 }, ThinkingBudget = 1, LogProbs = true, Strict = true, Spans = true, Regex = "a", Grammar = "root ::= \"a\"" };
        var merged = MoreOptions.WithRaw(new() { RawRepresentationFactory = _ => all }, client)!;

        Assert.All(typeof(EdgeChatOptions).GetProperties(), property => Assert.NotNull(property.GetValue(all)));
        Assert.Equal(typeof(EdgeChatOptions).GetProperties().Length, merged.AdditionalProperties!.Count);
        MoreOptions.RefuseUnknown(merged);
    }

    [Fact]
    public void Anothers_options_are_refused_and_none_are_none()
    {
        using var client = new EdgeChatClient(Assets.Data("genai/qwen2-fp32"));
        IChatClient? given = null;

        var e = Assert.Throws<NotSupportedException>(() => MoreOptions.WithRaw(new() { RawRepresentationFactory = _ => "text" }, client));
        MoreOptions.WithRaw(new() { RawRepresentationFactory = c => (given = c) is null ? "" : null }, client);

        Assert.Contains("ChatOptions.RawRepresentationFactory gives a String", e.Message, StringComparison.Ordinal);
        Assert.Same(client, given);
    }

    [Fact]
    public void A_bias_is_a_dictionary_or_JSON()
    {
        var expected = LogitBias.Of([new(3, -1.5f), new(12, 100)]);
        foreach (object bias in new object[] { new Dictionary<int, float> { [12] = 100, [3] = -1.5f }, JsonElement.Parse("""{"12":100,"3":-1.5}"""), """{"12":100,"3":-1.5}""" })
            Assert.Equal(expected, Read(new() { AdditionalProperties = new() { ["logit_bias"] = bias } }).Sampler.Bias);

        foreach (object wrong in new object[] { 7, "text", "[1]", """{"a":1}""", """{"1":"b"}""" })
        {
            Assert.Contains("logit_bias", Assert.Throws<ArgumentException>(() => Read(new() { AdditionalProperties = new() { ["logit_bias"] = wrong } })).Message, StringComparison.Ordinal);
        }

        Assert.Contains("token 3 is 101", Assert.Throws<ArgumentException>(() => Read(new() { AdditionalProperties = new() { ["logit_bias"] = """{"3":101}""" } })).Message, StringComparison.Ordinal);
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
    public void What_a_schema_cannot_have_is_named_with_its_pointer_and_its_tool()
    {
        var format = Assert.Throws<NotSupportedException>(() => Read(new() { ResponseFormat = ChatResponseFormat.ForJsonSchema(s_unsupported) }));
        var tool = Assert.Throws<NotSupportedException>(() => Read(new()
        {
            Tools = [AIFunctionFactory.CreateDeclaration("Find", null, s_unsupported)],
            AdditionalProperties = new() { ["strict"] = true },
        }));

        Assert.Contains("ChatOptions.ResponseFormat: ", format.Message, StringComparison.Ordinal);
        Assert.Contains("#/properties/a~0b/uniqueItems", format.Message, StringComparison.Ordinal);
        Assert.Contains("tool Find: ", tool.Message, StringComparison.Ordinal);
        Assert.Contains("#/properties/a~0b/uniqueItems", tool.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_model_is_told_the_schema_of_its_answer_in_the_system_message()
    {
        var format = ChatResponseFormat.ForJsonSchema(JsonElement.Parse("""{"type":"string"}"""), schemaDescription: "A city.");

        var alone = Read(new() { ResponseFormat = format }).Messages;
        var joined = ChatRequest.From([new(ChatRole.System, "Be brief."), .. s_hello], new() { ResponseFormat = format }, s_defaults, 42, "model").Messages;

        const string Told = """Answer in JSON (A city.) that fits this schema: {"type":"string"}""";
        Assert.Equal(("system", Told), ((string?)alone[0]!["role"], (string?)alone[0]!["content"]));
        Assert.Equal("Be brief.\n" + Told, (string?)joined[0]!["content"]);
        Assert.Equal(2, joined.Count);
        Assert.Single(Read(new() { ResponseFormat = ChatResponseFormat.Json }).Messages);
    }

    [Fact]
    public void Calls_are_constrained_where_one_is_required_or_schemas_are_strict_and_not_otherwise()
    {
        AITool Function(string name, params (string, object?)[] more) => AIFunctionFactory.Create(
            (string city) => city, new AIFunctionFactoryOptions { Name = name, AdditionalProperties = more.ToDictionary(pair => pair.Item1, pair => pair.Item2) });

        Assert.Null(Read(new() { Tools = [Function("A")] }).Constraint);
        Assert.Null(Read(new() { Tools = [Function("A", ("strict", false))], AdditionalProperties = new() { ["strict"] = true } }).Constraint);
        Assert.Null(Read(new() { Tools = [Function("A", ("strict", true))], ToolMode = ChatToolMode.None }).Constraint);
        Assert.Contains("city", Read(new() { Tools = [Function("A", ("strictJsonSchema", true))] }).Constraint!.Source, StringComparison.Ordinal);
        Assert.Contains("city", Read(new() { Tools = [Function("A")], AdditionalProperties = new() { ["strict"] = JsonElement.Parse("true") } }).Constraint!.Source, StringComparison.Ordinal);
        Assert.DoesNotContain("city", Read(new() { Tools = [Function("A")], ToolMode = ChatToolMode.RequireAny }).Constraint!.Source, StringComparison.Ordinal);
        Assert.DoesNotContain("\"A\"", Read(new() { Tools = [Function("A"), Function("B")], ToolMode = ChatToolMode.RequireSpecific("B") }).Constraint!.Source, StringComparison.Ordinal);
        Assert.Contains("strict", Assert.Throws<ArgumentException>(() => Read(new() { Tools = [Function("A")], AdditionalProperties = new() { ["strict"] = "perhaps" } })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_strict_function_without_parameters_takes_none_and_one_that_describes_none_takes_an_object()
    {
        var none = AIFunctionFactory.Create(() => 1, "None");
        var silent = AIFunctionFactory.CreateDeclaration("Silent", null, JsonElement.Parse("{}"));

        var tools = JsonNode.Parse(Read(new() { Tools = [none, silent], AdditionalProperties = new() { ["strict"] = true } }).Constraint!.Source)!["tools"]!;

        Assert.False((bool?)tools[0]!["parameters"]!["additionalProperties"]);
        Assert.Equal("""{"type":"object"}""", tools[1]!["parameters"]!.ToJsonString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Find")]
    public void A_required_call_of_no_tool_in_reach_is_refused_by_name(string? name)
    {
        var mode = name is null ? ChatToolMode.RequireAny : ChatToolMode.RequireSpecific(name);

        var e = Assert.Throws<ArgumentException>(() => Read(new() { ToolMode = mode }));

        Assert.Contains("ChatOptions.ToolMode", e.Message, StringComparison.Ordinal);
        Assert.Contains(name ?? "a tool", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Spans_may_be_of_what_was_said_and_of_the_values_of_calls_and_results()
    {
        var tool = AIFunctionFactory.CreateDeclaration("Find", null, JsonElement.Parse(
            """{"type":"object","properties":{"type":{"type":"string"},"day":{"type":"string","format":"date"},"list":{"type":"array","items":{"type":["string","null"]}},"n":{"type":"integer"}}}"""));
        ChatMessage[] messages =
        [
            .. s_hello,
            new(ChatRole.Assistant, [new FunctionCallContent("1", "Find", new Dictionary<string, object?> { ["city"] = "São José", ["n"] = 2 })]),
            new(ChatRole.Tool, [new FunctionResultContent("1", JsonElement.Parse("""[{"name":"Sino \"S\"","ok":true}]""")), new FunctionResultContent("1", "[plain")]),
        ];

        var request = ChatRequest.From(messages, new() { Tools = [tool], AdditionalProperties = new() { ["edge.spans"] = true } }, s_defaults, 42, "model");

        var source = JsonNode.Parse(request.Constraint!.Source)!;
        Assert.Equal(["[plain", "Sino \"S\"", "true", "São José", "2", "Hello"], source["texts"]!.AsArray().Select(text => (string?)text));
        var properties = source["tools"]![0]!["parameters"]!["properties"]!;
        Assert.True((bool?)properties["type"]!["x-edge-span"]);
        Assert.True((bool?)properties["list"]!["items"]!["x-edge-span"]);
        Assert.Null(properties["day"]!["x-edge-span"]);
        Assert.Null(properties["n"]!["x-edge-span"]);
    }

    [Fact]
    public void Spans_are_of_the_newest_of_a_long_conversation()
    {
        var messages = Enumerable.Range(0, 100).Select(i => new ChatMessage(ChatRole.User, $"{i} " + new string('a', 998)));
        var options = new ChatOptions { ResponseFormat = ChatResponseFormat.ForJsonSchema<string>(), AdditionalProperties = new() { ["edge.spans"] = "true" } };

        var texts = JsonNode.Parse(ChatRequest.From(messages, options, s_defaults, 42, "model").Constraint!.Source)!["x-edge-texts"]!.AsArray();

        Assert.InRange(texts.Count, 30, 33);
        Assert.StartsWith("99 ", (string?)texts[0], StringComparison.Ordinal);
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
            new(ChatRole.Tool, [new FunctionResultContent("1", JsonElement.Parse("""[{"name":"Sino"}]""")), new FunctionResultContent("1", "plain")]),
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
    public void Results_follow_the_order_of_their_calls_and_name_them()
    {
        ChatMessage[] messages =
        [
            .. s_hello,
            new(ChatRole.Assistant, [new FunctionCallContent("a", "Find"), new FunctionCallContent("b", "Book"), new FunctionCallContent("c", "Pay")]),
            new(ChatRole.Tool, [new FunctionResultContent("c", null), new FunctionResultContent("b", null) { Exception = new InvalidOperationException("No \"table\"") }]),
            new(ChatRole.Tool, [new FunctionResultContent("a", new AIContent[] { new TextContent("one "), new TextContent("two") })]),
            new(ChatRole.User, "And?"),
        ];

        var json = ChatRequest.From(messages, null, s_defaults, 42, "model").Messages;

        Assert.Equal(["a", "b", "c"], json.Skip(2).SkipLast(1).Select(m => (string?)m!["tool_call_id"]));
        Assert.Equal(["Find", "Book", "Pay"], json.Skip(2).SkipLast(1).Select(m => (string?)m!["name"]));
        Assert.Equal(["one two", """ "Error: No \"table\"" """.Trim(), "null"], json.Skip(2).SkipLast(1).Select(m => (string?)m!["content"]));
        Assert.Equal("user", (string?)json[^1]!["role"]);
    }

    [Fact]
    public void Messages_that_do_not_hold_together_are_refused()
    {
        var call = new ChatMessage(ChatRole.Assistant, [new FunctionCallContent("1", "Find")]);
        ChatMessage Result(object? result, string id = "1") => new(ChatRole.Tool, [new FunctionResultContent(id, result)]);

        Assert.Contains("call '2'", Assert.Throws<ArgumentException>(() => From(call, Result("", "2"))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => From(Result(""), call));
        Assert.Throws<ArgumentException>(() => From(call, null!));
        Assert.Contains(nameof(DataContent), Assert.Throws<NotSupportedException>(() => From(call, Result(new DataContent(new byte[] { 1 }, "image/png")))).Message, StringComparison.Ordinal);
        Assert.Contains(nameof(TextContent), Assert.Throws<NotSupportedException>(() => From(call, new(ChatRole.Tool, "text"))).Message, StringComparison.Ordinal);

        static void From(params ChatMessage[] messages) => ChatRequest.From([.. s_hello, .. messages], null, s_defaults, 42, "model");
    }

    [Fact]
    public void Functions_that_calls_cannot_tell_apart_or_write_are_refused()
    {
        AITool Named(string name) => AIFunctionFactory.CreateDeclaration(name, null, JsonElement.Parse("{}"));

        Assert.Contains("two functions called 'Find'", Assert.Throws<ArgumentException>(() => Read(new() { Tools = [Named("Find"), Named("Find")] })).Message, StringComparison.Ordinal);
        Assert.Throws<NotSupportedException>(() => Read(new() { Tools = [null!] }));
        foreach (string name in (string[])["a{b", "a b", "a\nb", "<|call|>", "\"a\""])
            Assert.Contains(name, Assert.Throws<NotSupportedException>(() => Read(new() { Tools = [Named(name)] })).Message, StringComparison.Ordinal);

        Assert.Equal(3, Read(new() { Tools = [Named("mcp/server.tool-1"), Named("finde_größe"), new Wrapped(AIFunctionFactory.Create((int seats) => seats, "Book"))] }).Tools!.Count);
    }

    [Fact]
    public void A_wrapped_function_is_held_to_the_types_of_its_method_too()
    {
        var tool = new Wrapped(AIFunctionFactory.Create((byte seats, string name) => seats, "Book"));

        var source = Read(new() { Tools = [tool], AdditionalProperties = new() { ["strict"] = true } }).Constraint!.Source;

        Assert.Equal("uint8", (string?)JsonNode.Parse(source)!["tools"]![0]!["parameters"]!["properties"]!["seats"]!["format"]);
    }

    private sealed class Wrapped(AIFunction inner) : DelegatingAIFunction(inner);

    [Fact]
    public void The_whole_answers_language_is_not_asked_for_beside_another_form()
    {
        var find = AIFunctionFactory.Create((string city) => city, "Find");

        Assert.Equal(("regex", "a+"), Kind(new() { AdditionalProperties = new() { ["regex"] = "a+" } }));
        Assert.Equal(("gbnf", "root ::= \"a\""), Kind(new() { Tools = [find], ToolMode = ChatToolMode.None, AdditionalProperties = new() { ["grammar"] = "root ::= \"a\"" } }));
        foreach (var wrong in (ChatOptions[])[new() { ResponseFormat = ChatResponseFormat.Json }, new() { Tools = [find] }, new() { AdditionalProperties = new() { ["grammar"] = "root ::= \"a\"" } }])
        {
            (wrong.AdditionalProperties ??= [])["regex"] = "a+";
            Assert.Contains("regex", Assert.Throws<NotSupportedException>(() => Read(wrong)).Message, StringComparison.Ordinal);
        }

        Assert.Contains("AdditionalProperties[\"regex\"]: ", Assert.Throws<NotSupportedException>(() => Read(new() { AdditionalProperties = new() { ["regex"] = "(" } })).Message, StringComparison.Ordinal);

        static (string, string) Kind(ChatOptions options) => (Read(options).Constraint!.Kind, Read(options).Constraint!.Source);
    }

    [Fact]
    public void Stop_sequences_are_bounded()
    {
        Assert.Equal(256, Read(new() { StopSequences = [.. Enumerable.Range(0, 256).Select(i => new string('a', 1020) + i)] }).Limits.StopSequences!.Count);
        Assert.Contains("StopSequences", Assert.Throws<ArgumentException>(() => Read(new() { StopSequences = [.. Enumerable.Range(0, 257).Select(i => $"{i}")] })).Message, StringComparison.Ordinal);
        Assert.Contains("StopSequences", Assert.Throws<ArgumentException>(() => Read(new() { StopSequences = [new string('a', 1025)] })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Arguments_and_results_of_an_apps_own_types_are_written_by_the_serializer_options_of_its_tools()
    {
        var tool = AIFunctionFactory.Create((string city) => city, new AIFunctionFactoryOptions { Name = "Find", SerializerOptions = OwnJson.Default.Options });
        ChatMessage[] messages =
        [
            .. s_hello,
            new(ChatRole.Assistant, [new FunctionCallContent("1", "Find", new Dictionary<string, object?> { ["near"] = new Place("São José", 2) })]),
            new(ChatRole.Tool, [new FunctionResultContent("1", new Place("Sino", 1))]),
        ];

        var json = ChatRequest.From(messages, new() { Tools = [tool] }, s_defaults, 42, "model").Messages;

        Assert.True(JsonNode.DeepEquals(JsonNode.Parse("""{"near":{"place_name":"São José","floor":2}}"""), json[1]!["tool_calls"]![0]!["function"]!["arguments"]));
        Assert.Equal("""{"place_name":"Sino","floor":1}""", (string?)json[2]!["content"]);
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

    private sealed record Place(string PlaceName, int Floor);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
    [JsonSerializable(typeof(Place))]
    [JsonSerializable(typeof(string))]
    private sealed partial class OwnJson : JsonSerializerContext;

    private static ChatRequest Read(ChatOptions? options) => ChatRequest.From(s_hello, options, s_defaults, 42, "model");
}
