using System.Text.Json.Nodes;

namespace EdgeSdk.Distillation;

/// <summary>What lies beside the models: what commands measured of the pair, each in the file that it left.</summary>
/// <param name="folder">Holds <c>server</c> and <c>device</c>.</param>
/// <param name="evaluation">What <c>evaluate</c> found.</param>
internal sealed class Measured(string folder, JsonObject evaluation)
{
    public JsonObject Evaluation => evaluation;

    /// <summary>What <c>transformers-check.py</c> reported; null where it did not.</summary>
    public JsonObject? Transformers => Read("transformers.json");

    /// <summary>Size of both models' folders.</summary>
    public double Megabytes => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length) / 1e6;

    /// <summary>What <c>edge bench --network</c> timed; empty where it did not.</summary>
    public IReadOnlyList<BenchRow> Bench(string name) => [.. ((Read($"bench.{name}.json")?["rows"] as JsonArray) ?? []).Select(row => BenchRow.Of(row!))];

    /// <summary>What <c>edge verify-lossless</c> counted, by its options; null where it did not.</summary>
    public JsonObject? Lossless => Read("lossless.json");

    private JsonObject? Read(string name)
    {
        string path = Path.Combine(folder, name);
        return File.Exists(path) ? JsonNode.Parse(File.ReadAllText(path))!.AsObject() : null;
    }
}

/// <summary>Turns under one server step, round trip and temperature: milliseconds for the first two, seconds for what they took.</summary>
internal sealed record BenchRow(int Step, int RoundTrip, double Temperature, int Tokens, double Plain, double Together, double Predicted, int Passes)
{
    /// <summary>Time together as a share of the server's alone.</summary>
    public double Ratio => Together / Plain;

    public double PassesPerToken => (double)Passes / Tokens;

    public static BenchRow Of(JsonNode row) => new(
        (int)row["step_ms"]!, (int)row["rtt_ms"]!, (double)row["temperature"]!, (int)row["tokens"]!,
        (double)row["plain_s"]!, (double)row["together_s"]!, (double)row["predicted_s"]!, (int)row["server_passes"]!);

    public bool Is(int step, int roundTrip, double temperature) => (Step, RoundTrip) == (step, roundTrip) && Math.Abs(Temperature - temperature) < 1e-6;
}
