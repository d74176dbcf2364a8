using System.Text.Json;

namespace EdgeSdk.ProcessTests;

/// <summary>The shipped pair at work: the sample that the README begins with, and the commands that check and measure it.</summary>
public sealed class MainJobTests
{
    private static readonly string[] s_pair = ["--device", Edge.Device, "--server", Edge.Server];

    private static string Dialogues => Path.Combine(Edge.Repository, "samples", "data", "dialogues.jsonl");

    [Fact]
    public async Task The_Quickstart_ends_with_one_line_of_what_it_did()
    {
        var played = await Edge.QuickstartAsync("--once", "--dialogues", "1");

        var line = played.Json;
        Assert.Equal(["turns", "tokens", "drafted", "accepted", "server_passes", "routes"], Names(line));
        Assert.Equal(["device", "server", "together"], Names(line.GetProperty("routes")));
        Assert.NotEqual(0, line.GetProperty("turns").GetInt32());
        Assert.Equal(line.GetProperty("turns").GetInt32(), line.GetProperty("routes").EnumerateObject().Sum(route => route.Value.GetInt32()));
        Assert.InRange(line.GetProperty("accepted").GetInt32(), 0, line.GetProperty("drafted").GetInt32());
    }

    [Theory]
    [InlineData("device")]
    [InlineData("together")]
    public async Task The_TableBooking_calls_its_tools_and_ends_with_a_typed_answer(string route)
    {
        var booked = await Edge.SampleAsync("TableBooking", "--route", route);

        var wish = booked.Json;
        Assert.Equal(["category", "location", "guests", "meal", "restaurant_name"], Names(wish));
        Assert.InRange(wish.GetProperty("guests").GetInt32(), 1, 12);
        Assert.Contains(wish.GetProperty("meal").GetString(), (string[])["Lunch", "Dinner"]);
        Assert.Contains("call:", booked.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("0.7")]
    public async Task The_pair_is_lossless_over_a_connection_that_is_slow_and_cut(string temperature)
    {
        var verified = await Edge.RunAsync(
            ["verify-lossless", .. s_pair, "--dialogues", Dialogues, "--count", "1", "--seeds", "1", "--max-tokens", "64", "--temperature", temperature, "--delay-ms", "2", "--cut", "--json"]);

        var line = verified.Json;
        Assert.Equal(["runs", "turns", "tokens", "drafted", "accepted", "differences", "agreement", "passes_per_token"], Names(line));
        Assert.Equal((1, 0), (line.GetProperty("runs").GetInt32(), line.GetProperty("differences").GetInt32()));
        Assert.Equal(8, line.GetProperty("agreement").GetArrayLength());
        Assert.InRange(line.GetProperty("accepted").GetInt32(), 1, line.GetProperty("drafted").GetInt32());
    }

    [Fact]
    public async Task The_bench_prints_a_row_for_each_network()
    {
        var timed = await Edge.RunAsync(
            ["bench", "--network", .. s_pair, "--step-ms", "10", "--rtt-ms", "0,5", "--turns", "1", "--rounds", "1", "--max-tokens", "24", "--json"]);

        var rows = timed.Json.GetProperty("rows");
        Assert.Equal(2, rows.GetArrayLength());
        Assert.All(rows.EnumerateArray(), row => Assert.Equal(
            ["step_ms", "rtt_ms", "temperature", "tokens", "plain_s", "together_s", "server_passes", "draft_ms", "predicted_s"], Names(row)));
    }

    [Fact]
    public async Task The_version_is_one_line()
    {
        var version = await Edge.RunAsync("--version");

        Assert.Equal((0, ""), (version.Exit, version.Errors));
        Assert.Matches(@"^\d+\.\d+\.\d+\S*\n$", version.Output.ReplaceLineEndings("\n"));
    }

    private static IEnumerable<string> Names(JsonElement line) => line.EnumerateObject().Select(property => property.Name);
}
