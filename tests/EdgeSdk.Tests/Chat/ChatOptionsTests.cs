using System.Text.Json;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Tests.Chat;

/// <summary>What each member of <see cref="ChatOptions"/> does to an answer of the shipped device, or why it is refused.</summary>
public sealed class ChatOptionsTests(ChatOptionsTests.ShippedDevice device) : IClassFixture<ChatOptionsTests.ShippedDevice>
{
    private const int End = 1, Call = 6, Think = 7;
    private const string Question = "I want a table for two at Sino in San Jose at 7 pm, please.";

    private static readonly AITool s_find = AIFunctionFactory.Create((string category, string location) => "", "Restaurants_2_FindRestaurants");
    private static readonly AITool s_reserve = AIFunctionFactory.Create((string location, string restaurant_name) => "", "Restaurants_2_ReserveRestaurant");

    /// <summary>A member that a new version brings is none of these, and its test fails until it is decided.</summary>
    private static readonly Dictionary<string, Func<EdgeChatClient, Task>> s_effects = new()
    {
        [nameof(ChatOptions.Instructions)] = async client =>
        {
            var instructed = await AnswerAsync(client, new() { Instructions = "Answer in one word." });
            var system = await client.GetResponseAsync([new(ChatRole.System, "Answer in one word."), new(ChatRole.User, Question)], cancellationToken: Cancelled);

            Assert.Equal(system.Text, instructed.Text);
            Assert.Equal(system.Usage!.InputTokenCount, instructed.Usage!.InputTokenCount);
            Assert.True(instructed.Usage.InputTokenCount > (await AnswerAsync(client, new())).Usage!.InputTokenCount);
        },
        [nameof(ChatOptions.Temperature)] = async client => Assert.NotEqual(await WriteAsync(client, new()), await WriteAsync(client, new() { Temperature = 2, Seed = 1 })),
        [nameof(ChatOptions.TopK)] = async client => Assert.Equal(await WriteAsync(client, new()), await WriteAsync(client, new() { Temperature = 2, Seed = 1, TopK = 1 })),
        [nameof(ChatOptions.TopP)] = async client => Assert.Equal(await WriteAsync(client, new()), await WriteAsync(client, new() { Temperature = 2, Seed = 1, TopP = 1e-4f })),
        [nameof(ChatOptions.Seed)] = async client =>
        {
            int[] first = await WriteAsync(client, new() { Temperature = 2, Seed = 1 });

            Assert.Equal(first, await WriteAsync(client, new() { Temperature = 2, Seed = 1 }));
            Assert.NotEqual(first, await WriteAsync(client, new() { Temperature = 2, Seed = -1 }));
        },
        [nameof(ChatOptions.FrequencyPenalty)] = async client => await LessRepeatedAsync(client, new() { FrequencyPenalty = 2 }),
        [nameof(ChatOptions.PresencePenalty)] = async client => await LessRepeatedAsync(client, new() { PresencePenalty = 2 }),
        [nameof(ChatOptions.MaxOutputTokens)] = async client =>
        {
            var cut = await AnswerAsync(client, new() { MaxOutputTokens = 3 });

            Assert.Equal((3, ChatFinishReason.Length), (cut.Usage!.OutputTokenCount, cut.FinishReason));
        },
        [nameof(ChatOptions.StopSequences)] = async client =>
        {
            string whole = (await AnswerAsync(client, new())).Text, stop = whole[(whole.Length / 2)..][..2];
            var stopped = await AnswerAsync(client, new() { StopSequences = ["never written", stop] });

            Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], stopped.Text);
            Assert.Equal(ChatFinishReason.Stop, stopped.FinishReason);
        },
        [nameof(ChatOptions.Tools)] = async client =>
        {
            long? with = (await AnswerAsync(client, new() { Tools = [s_find, s_reserve] })).Usage!.InputTokenCount;

            Assert.True(with > (await AnswerAsync(client, new())).Usage!.InputTokenCount);
            foreach (var hosted in (AITool[])[new HostedWebSearchTool(), new HostedCodeInterpreterTool(), new HostedFileSearchTool()])
                await RefusedAsync(client, nameof(ChatOptions.Tools), new() { Tools = [s_find, hosted] });
        },
        [nameof(ChatOptions.ToolMode)] = async client =>
        {
            var none = await AnswerAsync(client, new() { Tools = [s_find], ToolMode = ChatToolMode.None });
            var any = await AnswerAsync(client, new() { Tools = [s_find, s_reserve], ToolMode = ChatToolMode.RequireAny });
            var specific = await AnswerAsync(client, new() { Tools = [s_find, s_reserve], ToolMode = ChatToolMode.RequireSpecific(s_find.Name) });

            Assert.Equal((await AnswerAsync(client, new())).Usage!.InputTokenCount, none.Usage!.InputTokenCount);
            Assert.Equal(ChatFinishReason.ToolCalls, any.FinishReason);
            Assert.All(Calls(specific), call => Assert.Equal(s_find.Name, call.Name));
            Assert.NotEmpty(Calls(specific));
            Assert.Equal((await AnswerAsync(client, new() { Tools = [s_find] })).Text, (await AnswerAsync(client, new() { Tools = [s_find], ToolMode = ChatToolMode.Auto })).Text);
            await Assert.ThrowsAsync<ArgumentException>(() => AnswerAsync(client, new() { ToolMode = ChatToolMode.RequireAny }));
        },
        [nameof(ChatOptions.AllowMultipleToolCalls)] = async client =>
        {
            foreach (bool? allowed in (bool?[])[null, true, false])
            {
                // The second call is as good as certain where it may begin.
                var options = Biased(new() { Tools = [s_find, s_reserve], ToolMode = ChatToolMode.RequireAny, AllowMultipleToolCalls = allowed, MaxOutputTokens = 80 }, (Call, 100));
                int calls = Calls(await AnswerAsync(client, options)).Count;

                Assert.True(allowed is false ? calls == 1 : calls > 1, $"{calls} calls where several are allowed: {allowed}");
            }
        },
        [nameof(ChatOptions.ModelId)] = async client =>
        {
            Assert.Equal("device", (await AnswerAsync(client, new() { ModelId = "device" })).ModelId);
            await RefusedAsync(client, nameof(ChatOptions.ModelId), new() { ModelId = "another" });
        },
        [nameof(ChatOptions.ResponseFormat)] = async client =>
        {
            var schema = ChatResponseFormat.ForJsonSchema(JsonElement.Parse("""{"type":"object","properties":{"seats":{"type":"integer","minimum":1,"maximum":9}},"required":["seats"],"additionalProperties":false}"""));
            string text = (await AnswerAsync(client, new() { ResponseFormat = ChatResponseFormat.Text })).Text;
            string json = (await AnswerAsync(client, new() { ResponseFormat = ChatResponseFormat.Json, MaxOutputTokens = 30 })).Text;
            string typed = (await AnswerAsync(client, new() { ResponseFormat = schema })).Text;

            Assert.Equal((await AnswerAsync(client, new())).Text, text);
            Assert.Equal(JsonValueKind.Object, JsonElement.Parse(json).ValueKind);
            Assert.InRange(JsonElement.Parse(typed).GetProperty("seats").GetInt32(), 1, 9);
        },
        [nameof(ChatOptions.Reasoning)] = async client =>
        {
            foreach (var (effort, budget) in ((ReasoningEffort, int)[])[(ReasoningEffort.None, 0), (ReasoningEffort.Low, 8), (ReasoningEffort.Medium, 20), (ReasoningEffort.High, 32), (ReasoningEffort.ExtraHigh, 38)])
            {
                // This model does not think by itself: a thought is made to begin, and never to end before its budget does. What is told of thoughts: ThinkingTests.
                var options = Biased(new() { Reasoning = new() { Effort = effort }, MaxOutputTokens = 40 }, (Think, 100), (Think + 1, -100), (End, -100));
                var answer = await AnswerAsync(client, options);

                Assert.Equal((budget, 40), (answer.Usage!.ReasoningTokenCount, answer.Usage.OutputTokenCount));
            }
        },
        [nameof(ChatOptions.ConversationId)] = client => RefusedAsync(client, nameof(ChatOptions.ConversationId), new() { ConversationId = "1" }),
        [nameof(ChatOptions.ContinuationToken)] = client =>
            RefusedAsync(client, nameof(ChatOptions.ContinuationToken), new() { ContinuationToken = ResponseContinuationToken.FromBytes(new byte[] { 1 }) }),
        [nameof(ChatOptions.AllowBackgroundResponses)] = async client =>
        {
            var allowed = await AnswerAsync(client, new() { AllowBackgroundResponses = true }); // a leave that nobody takes

            Assert.Equal((await AnswerAsync(client, new())).Text, allowed.Text);
            Assert.Null(allowed.ContinuationToken);
        },
        [nameof(ChatOptions.RawRepresentationFactory)] = async client =>
        {
            int[] plain = await WriteAsync(client, new());
            int[] biased = (await AnswerAsync(client, new() { RawRepresentationFactory = _ => new EdgeChatOptions { LogitBias = new Dictionary<int, float> { [plain[0]] = -100 } } })).GetEdgeTokens().Select(t => t.Id).ToArray();

            Assert.DoesNotContain(plain[0], biased);
            await RefusedAsync(client, nameof(ChatOptions.RawRepresentationFactory), new() { RawRepresentationFactory = _ => "another client's" });
        },
        [nameof(ChatOptions.AdditionalProperties)] = async client =>
        {
            var matched = await AnswerAsync(client, new() { AdditionalProperties = new() { ["regex"] = "(?:yes|no), [a-z]{3}" } });
            var written = await AnswerAsync(client, new() { AdditionalProperties = new() { ["grammar"] = "root ::= (\"one \" | \"two \")+ \"end\"" }, MaxOutputTokens = 20 });

            Assert.Matches("^(yes|no), [a-z]{3}$", matched.Text);
            Assert.Matches("^((one|two) )+end$", written.Text);
            await RefusedAsync(client, nameof(ChatOptions.AdditionalProperties), new() { AdditionalProperties = new() { ["mirostat"] = 2 } });
        },
    };

    public static TheoryData<string> Members => [.. typeof(ChatOptions).GetProperties().Select(property => property.Name)];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Members))]
    public async Task Every_member_changes_the_answer_or_is_refused(string member)
    {
        Assert.True(s_effects.TryGetValue(member, out var effect), $"ChatOptions.{member} is new: honour it or refuse it, and say so in docs/chat-options.md.");
        await effect(device.Client);
    }

    [Fact]
    public void The_documentation_has_a_row_for_every_member()
    {
        string page = File.ReadAllText(Path.Combine(Assets.Repository, "docs", "chat-options.md"));

        Assert.All(typeof(ChatOptions).GetProperties(), property => Assert.Contains($"`{property.Name}`", page, StringComparison.Ordinal));
        Assert.All(typeof(EdgeChatOptions).GetProperties(), property => Assert.Contains($"`{property.Name}`", page, StringComparison.Ordinal));
    }

    private static Task<ChatResponse> AnswerAsync(EdgeChatClient client, ChatOptions options) => client.GetResponseAsync(Question, options, Cancelled);

    /// <summary>Forty tokens of an answer that may not end.</summary>
    private static async Task<int[]> WriteAsync(EdgeChatClient client, ChatOptions options)
    {
        options.MaxOutputTokens = 40;
        return [.. (await AnswerAsync(client, Biased(options, (End, -100)))).GetEdgeTokens().Select(token => token.Id)];
    }

    private static async Task LessRepeatedAsync(EdgeChatClient client, ChatOptions options)
    {
        int plain = (await WriteAsync(client, new())).Distinct().Count(), penalised = (await WriteAsync(client, options)).Distinct().Count();

        Assert.True(penalised > plain, $"{penalised} tokens are distinct, {plain} without the penalty");
    }

    private static async Task RefusedAsync(EdgeChatClient client, string member, ChatOptions options) =>
        Assert.Contains("ChatOptions." + member, (await Assert.ThrowsAsync<NotSupportedException>(() => AnswerAsync(client, options))).Message, StringComparison.Ordinal);

    private static ChatOptions Biased(ChatOptions options, params (int Token, float Bias)[] biases)
    {
        (options.AdditionalProperties ??= [])["logit_bias"] = biases.ToDictionary(bias => bias.Token, bias => bias.Bias);
        return options;
    }

    private static List<FunctionCallContent> Calls(ChatResponse response) => [.. response.Messages.SelectMany(m => m.Contents).OfType<FunctionCallContent>()];

    public sealed class ShippedDevice : IDisposable
    {
        public EdgeChatClient Client { get; } = new(ShippedPair.Device);

        public void Dispose() => Client.Dispose();
    }
}
