using System.Collections.Immutable;
using System.Text.Json;
using EdgeSdk.Decoding;

namespace EdgeSdk.Cli;

/// <summary>What <see cref="NetworkBench"/> measures: every server step with every round trip and every temperature is a row.</summary>
internal sealed record NetworkBenchOptions
{
    /// <summary>The device's model folder.</summary>
    public required string Device { get; init; }

    /// <summary>The server's model folder.</summary>
    public required string Server { get; init; }

    /// <summary>A file of dialogues (<see cref="Cli.Dialogues"/>).</summary>
    public required string Dialogues { get; init; }

    /// <summary>The least time of a server's pass, milliseconds: stand-ins for larger models.</summary>
    public IReadOnlyList<int> StepMs { get; init; } = [10, 40];

    /// <summary>The network's round trips, milliseconds.</summary>
    public IReadOnlyList<int> RoundTripMs { get; init; } = [2, 20, 200];

    /// <summary>Of both sides.</summary>
    public IReadOnlyList<float> Temperatures { get; init; } = [0];

    /// <summary>Assistant's turns, evenly spread over the file; all where it has fewer.</summary>
    public int Turns { get; init; } = 10;

    /// <summary>How often each turn is written by the server alone and together, in turns.</summary>
    public int Rounds { get; init; } = 3;

    /// <summary>The most tokens of a turn.</summary>
    public int MaxTokens { get; init; } = 256;

    /// <summary>Threads of a pass, on either side; 0: one for each processor.</summary>
    public int Threads { get; init; }

    /// <summary>Whether the turns are played and timed; else each row has the gate's numbers alone.</summary>
    public bool Plays { get; init; } = true;

    /// <summary>Rows of the result.</summary>
    public int Rows => StepMs.Count * RoundTripMs.Count * Temperatures.Count;
}

/// <summary>What was found under one server step, round trip and temperature.</summary>
/// <param name="StepMs">The server's least time for a pass, milliseconds.</param>
/// <param name="RoundTripMs">The network's round trip, milliseconds.</param>
/// <param name="Temperature">Of both sides.</param>
/// <param name="Tokens">Of all turns, end tokens included.</param>
/// <param name="Played">What the turns took; null where they were not played.</param>
/// <param name="Gate">The gate's decision on what was measured.</param>
internal sealed record NetworkBenchRow(int StepMs, int RoundTripMs, float Temperature, int Tokens, NetworkBenchTimes? Played, GateNumbers Gate)
{
    /// <summary>The row as the command prints it.</summary>
    public void Write(Utf8JsonWriter json, bool explain)
    {
        json.WriteStartObject();
        json.WriteNumber("step_ms", StepMs);
        json.WriteNumber("rtt_ms", RoundTripMs);
        json.WriteNumber("temperature", Temperature);
        json.WriteNumber("tokens", Tokens);
        Played?.Write(json);
        if (explain)
            Gate.Write(json);

        json.WriteEndObject();
    }
}

/// <summary>What the turns of a row took, all together: of each turn the median round.</summary>
/// <param name="PlainSeconds">The server alone.</param>
/// <param name="TogetherSeconds">Device and server together, the gate deciding.</param>
/// <param name="ServerPasses">The server's passes, together.</param>
/// <param name="DraftSeconds">The device's time for a draft, while both decode.</param>
/// <param name="PredictedSeconds">What the simulation says together takes.</param>
internal sealed record NetworkBenchTimes(double PlainSeconds, double TogetherSeconds, int ServerPasses, double DraftSeconds, double PredictedSeconds)
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteMeasured("plain_s", PlainSeconds);
        json.WriteMeasured("together_s", TogetherSeconds);
        json.WriteNumber("server_passes", ServerPasses);
        json.WriteMeasured("draft_ms", 1000 * DraftSeconds);
        json.WriteMeasured("predicted_s", PredictedSeconds);
    }
}

/// <summary>The gate's decision and what it rests on.</summary>
/// <param name="Decision">Inputs and outcome.</param>
/// <param name="Cost">The server's passes.</param>
/// <param name="Agreement">R(1) to R(8).</param>
internal sealed record GateNumbers(GateDecision Decision, StepCost Cost, ImmutableArray<double> Agreement)
{
    /// <summary>V(k) is shown for k from 0 up to this.</summary>
    private const int Verified = 8;

    /// <summary>V(0), V(1), ..., seconds.</summary>
    public IEnumerable<double> VerifySeconds => Enumerable.Range(0, Verified + 1).Select(Cost.Verify);

    /// <summary>Seconds of a token by the server alone, in the long run.</summary>
    public double PlainSeconds => Decision.StepSeconds;

    /// <summary>Predicted seconds of a token together, in the long run.</summary>
    public double TogetherSeconds => PlainSeconds / Decision.SpeedUp;

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("gate");
        json.WriteBoolean("on", Decision.On);
        json.WriteString("reason", Decision.Reason);
        json.WriteMeasured("step_ms", 1000 * Decision.StepSeconds);
        json.WriteMeasured("verify_ms", VerifySeconds.Select(s => 1000 * s));
        json.WriteMeasured("rtt_ms", 1000 * Decision.RoundTripSeconds);
        json.WriteMeasured("draft_ms", 1000 * Decision.DraftSeconds);
        json.WriteMeasured("agreement", Agreement);
        json.WriteNumber("most_drafts", Decision.MostDrafts);
        json.WriteMeasured("plain_ms_per_token", 1000 * PlainSeconds);
        json.WriteMeasured("together_ms_per_token", 1000 * TogetherSeconds);
        json.WriteEndObject();
    }
}

/// <summary>A turn of a row is done.</summary>
/// <param name="Row">The row, from 1.</param>
/// <param name="Rows">Of so many.</param>
/// <param name="StepMs">Its server step.</param>
/// <param name="RoundTripMs">Its round trip.</param>
/// <param name="Temperature">Its temperature.</param>
/// <param name="Turn">The turn, from 1; 0 where the row begins.</param>
/// <param name="Turns">Of so many.</param>
internal readonly record struct NetworkBenchProgress(int Row, int Rows, int StepMs, int RoundTripMs, float Temperature, int Turn, int Turns);
