using System.Diagnostics;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace EdgeSdk.Tests.Chat;

/// <summary>The client under the middleware of Microsoft.Extensions.AI.</summary>
public sealed class PipelineTests(GoldenPair pair) : IClassFixture<GoldenPair>
{
    private const string Source = "EdgeSdk.Tests.Pipeline";

    private static readonly ChatMessage[] s_history =
        [new(ChatRole.User, "one two three"), new(ChatRole.Assistant, "four"), new(ChatRole.User, "five six"), new(ChatRole.Assistant, "seven"), new(ChatRole.User, "eight")];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Telemetry_tells_the_model_and_the_usage()
    {
        var activities = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == Source,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activities.Add,
        };
        ActivitySource.AddActivityListener(listener);
        using var client = Client().UseOpenTelemetry(sourceName: Source).Build();

        var response = await client.GetResponseAsync(s_history, cancellationToken: Cancelled);

        var activity = Assert.Single(activities);
        Assert.Equal("edgesdk", activity.GetTagItem("gen_ai.provider.name"));
        Assert.Equal("device", activity.GetTagItem("gen_ai.response.model"));
        Assert.Equal(response.Usage!.OutputTokenCount, Convert.ToInt64(activity.GetTagItem("gen_ai.usage.output_tokens")));
    }

    [Fact]
    public async Task Logging_hides_the_text_below_trace_and_writes_it_there()
    {
        foreach (var level in new[] { LogLevel.Debug, LogLevel.Trace })
        {
            var log = new Records(level);
            using var client = Client().UseLogging(log).Build();

            var response = await client.GetResponseAsync("a secret", cancellationToken: Cancelled);

            Assert.NotEmpty(response.Text);
            Assert.NotEmpty(log.Lines);
            Assert.Equal(level == LogLevel.Trace, log.Lines.Any(line => line.Contains("a secret", StringComparison.Ordinal)));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_cached_answer_is_the_first_one_report_included(bool streamed)
    {
        int written = 0;
        using var client = Client(EdgeRoute.Together).UseDistributedCache(Cache()).Use(Count, null).Build();
        var options = new ChatOptions { Temperature = 0.8f, Seed = 4 }.WithRoute(EdgeRoute.Server);

        var first = await AnswerAsync(options);
        var second = await AnswerAsync(options);
        var other = await AnswerAsync(options.Clone().WithRoute(EdgeRoute.Device));

        Assert.Equal(2, written);
        Assert.Equal(first.Text, second.Text);
        Assert.Equal(first.Usage!.OutputTokenCount, second.Usage!.OutputTokenCount);
        Assert.NotEqual(first.Text, other.Text);
        var (kept, report) = (second.GetEdge()!, first.GetEdge()!);
        Assert.Equal((report.Route, report.Reason, report.Seed, report.Tokens, report.FirstToken, report.Exact), (kept.Route, kept.Reason, kept.Seed, kept.Tokens, kept.FirstToken, kept.Exact));
        Assert.Equal(report.Agreement, kept.Agreement);

        Task<ChatResponse> AnswerAsync(ChatOptions asked) => streamed
            ? client.GetStreamingResponseAsync(s_history, asked, Cancelled).ToChatResponseAsync(Cancelled)
            : client.GetResponseAsync(s_history, asked, Cancelled);

        async Task<ChatResponse> Count(IEnumerable<ChatMessage> messages, ChatOptions? asked, IChatClient inner, CancellationToken cancellationToken)
        {
            written++;
            return await inner.GetResponseAsync(messages, asked, cancellationToken);
        }
    }

    [Fact]
    public async Task Options_that_are_configured_reach_the_client_and_leave_the_callers_alone()
    {
        using var client = Client().ConfigureOptions(o => o.MaxOutputTokens = 5).Build();
        var options = new ChatOptions { MaxOutputTokens = 9 };

        var response = await client.GetResponseAsync(s_history, options, Cancelled);

        Assert.Equal(5, response.Usage!.OutputTokenCount);
        Assert.Equal(9, options.MaxOutputTokens);
    }

    [Fact]
    public async Task A_reducer_shortens_the_prompt()
    {
        using var plain = Client().Build();
        using var client = Client().UseChatReducer(Reducer()).Build();

        var whole = await plain.GetResponseAsync(s_history, cancellationToken: Cancelled);
        var reduced = await client.GetResponseAsync(s_history, cancellationToken: Cancelled);
        var last = await plain.GetResponseAsync(s_history[^1], cancellationToken: Cancelled);

        Assert.True(reduced.Usage!.InputTokenCount < whole.Usage!.InputTokenCount);
        Assert.Equal(last.Text, reduced.Text);
    }

    [Fact]
    public async Task In_any_order_the_answer_is_the_one_that_the_client_gives()
    {
        Func<ChatClientBuilder, ChatClientBuilder>[] middleware =
        [
            builder => builder.UseOpenTelemetry(sourceName: Source),
            builder => builder.UseLogging(new Records(LogLevel.Trace)),
            builder => builder.UseDistributedCache(Cache()),
            builder => builder.ConfigureOptions(o => o.Temperature = 0.8f),
            builder => builder.UseChatReducer(Reducer()),
            builder => builder.UseFunctionInvocation(),
        ];
        using var plain = Client(EdgeRoute.Together).Build();
        string expected = (await plain.GetResponseAsync(s_history[^1], new ChatOptions { Temperature = 0.8f, Seed = 6 }, Cancelled)).Text;
        var random = new Random(1);
        for (int order = 0; order < 12; order++)
        {
            random.Shuffle(middleware);
            using var client = middleware.Aggregate(Client(EdgeRoute.Together), (builder, use) => use(builder)).Build();
            var updates = await client.GetStreamingResponseAsync(s_history, new ChatOptions { Seed = 6 }, Cancelled).ToListAsync(Cancelled);
            var again = await client.GetResponseAsync(s_history, new ChatOptions { Seed = 6 }, Cancelled);

            Assert.Equal(expected, string.Concat(updates.Select(u => u.Text)));
            Assert.Equal(expected, again.Text);
            Assert.Equal(6UL, again.GetEdge()!.Seed);
        }
    }

    [Fact]
    public async Task The_seed_that_the_report_names_gives_the_answer_again()
    {
        using var first = Client().Build();
        using var second = Client().Build();
        var response = await first.GetResponseAsync(s_history, new ChatOptions { Temperature = 1 }, Cancelled);

        var again = await second.GetResponseAsync(s_history, new ChatOptions { Temperature = 1, Seed = unchecked((long)response.GetEdge()!.Seed) }, Cancelled);
        var repeated = await first.GetResponseAsync(s_history, new ChatOptions { Temperature = 1 }, Cancelled);

        Assert.Equal(response.Text, again.Text);
        Assert.Equal(response.Text, repeated.Text);
    }

    private ChatClientBuilder Client(EdgeRoute route = EdgeRoute.Device) => new EdgeChatClient(pair.Options(route)).AsBuilder();

    private static MemoryDistributedCache Cache() => new(Options.Create(new MemoryDistributedCacheOptions()));

#pragma warning disable MEAI001 // Reducers are experimental in Microsoft.Extensions.AI.
    private static MessageCountingChatReducer Reducer() => new(1);
#pragma warning restore MEAI001

    private sealed class Records(LogLevel least) : ILoggerFactory, ILogger
    {
        public List<string> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= least;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (Lines)
            {
                Lines.Add(formatter(state, exception));
            }
        }

        public void Dispose()
        {
        }
    }
}
