namespace EdgeSdk.Decoding;

/// <summary>
/// The arithmetic of a server that never waits and a device that drafts ahead. R(n), in the arrays here at index n from R(0) = 1 on, is the chance that the
/// first n drafts after a disagreement all agree; V(k) the time of a pass that verifies k drafts.
/// </summary>
internal static class FreeRun
{
    /// <summary>Deepest verification that is considered.</summary>
    private const int MostDrafts = Verifier.MostPerOffer;

    /// <summary>What is taken where nothing was measured: a server of 40 ms a token whose passes grow as measured on a processor, the dearest kind.</summary>
    public static StepCost AssumedCost { get; } = new([0.040f, 0.043f, 0.059f, 0.096f, 0.168f]);

    /// <summary>Shorter than anything that is timed here: guards divisions of times.</summary>
    private const double Instant = 1e-9;

    /// <summary>Agreement over all positions, from that of runs: a run of sum R(n) tokens, its disagreement included, has one that disagrees.</summary>
    public static double MeanAgreement(ReadOnlySpan<double> runs)
    {
        double tokens = 0;
        foreach (double r in runs)
            tokens += r;

        return 1 - 1 / tokens;
    }

    /// <summary>
    /// The k that gives most tokens per second: argmax over k in [0, <paramref name="most"/>] of (1 + a + ... + a^k) / V(k), a being the chance that a draft
    /// agrees; the least one of equals.
    /// </summary>
    public static int BestDrafts(StepCost cost, double agreement, int most)
    {
        int best = 0;
        double rate = 1 / cost.Verify(0), tokens = 1, chance = 1;
        for (int k = 1; k <= Math.Min(most, MostDrafts); k++)
        {
            chance *= agreement;
            tokens += chance;
            double better = tokens / cost.Verify(k);
            if (better > rate)
                (best, rate) = (k, better);
        }

        return best;
    }

    /// <summary>
    /// Time of plain streaming over time of free running, in the long run. Counted from a disagreement on, whose commit reaches the device after half a
    /// round trip: A(t) = floor((t - RTT) / t_d) drafts have arrived at time t; the pass that starts then at place P verifies k = min(cap, A - P) of them
    /// and, where they agree, ends at place P + k + 1. The next pass takes place with probability R(P).
    /// </summary>
    /// <remarks>The commit finds the device at work on a draft that it makes void, and that cannot be broken off: the mean is taken over how much of it is left.</remarks>
    public static double SpeedUp(StepCost cost, int cap, double roundTrip, double draftSeconds, ReadOnlySpan<double> runs)
    {
        const int Phases = 4;
        double tokens = 0, seconds = 0;
        foreach (double r in runs)
            tokens += r;

        for (int phase = 0; phase < Phases; phase++)
        {
            double first = roundTrip + draftSeconds * (1 + (phase + 0.5) / Phases);
            seconds += SecondsToDisagreement(cost, cap, 0, 0, first, draftSeconds, runs) / Phases;
        }

        return cost.Verify(0) * tokens / seconds;
    }

    /// <summary>
    /// How many drafts to make before the prompt is sent, so that the prompt's own pass verifies them: 0 to send it at once and the drafts as they are made.
    /// Waiting for w drafts delays everything by their time and saves the passes that would come for them; the network's delay is the same for the prompt and for
    /// the drafts behind it, so it cancels.
    /// </summary>
    /// <param name="cost">The server's passes.</param>
    /// <param name="cap">The most drafts that one pass will verify.</param>
    /// <param name="promptSeconds">The server's time for the prompt.</param>
    /// <param name="firstDraftSeconds">From now until the device has its first draft: the rest of its own prompt.</param>
    /// <param name="draftSeconds">The device's time for each further draft.</param>
    /// <param name="runs">R(n).</param>
    public static int DraftsBeforeOpen(
        StepCost cost, int cap, double promptSeconds, double firstDraftSeconds, double draftSeconds, ReadOnlySpan<double> runs)
    {
        int best = 0;
        double least = double.PositiveInfinity;
        for (int held = 0; held <= cap; held++)
        {
            double delay = held == 0 ? 0 : firstDraftSeconds + (held - 1) * draftSeconds;
            if (delay >= least)
                break;

            double extra = promptSeconds - cost.Verify(0);
            double seconds = delay + SecondsToDisagreement(cost, cap, held, extra, firstDraftSeconds - delay, draftSeconds, runs);
            if (seconds < least - Instant)
                (best, least) = (held, seconds);
        }

        return best;
    }

    /// <summary>
    /// How far ahead of the commits that it has heard of the device should draft: what the server can use within a round trip and a pass, and the pass's own;
    /// but no deeper than where a draft is right once in a hundred times, which costs the device's time and gains nothing.
    /// </summary>
    public static int Window(StepCost cost, int cap, double roundTrip, double draftSeconds, ReadOnlySpan<double> runs)
    {
        const double Hopeless = 0.01;
        double pass = cost.Verify(cap);
        double rate = Math.Min(1 / Math.Max(draftSeconds, Instant), (cap + 1) / Math.Max(pass, Instant));
        double usable = cap + 2 + Math.Ceiling((roundTrip + pass) * rate);
        int depth = 0;
        while (depth < runs.Length && runs[depth] >= Hopeless)
            depth++;

        return (int)Math.Clamp(Math.Min(usable, depth), 2, Verifier.MostWaiting / 2);
    }

    /// <summary>Draws a text's agreement, place by place, whose runs are as long as <paramref name="runs"/> says.</summary>
    public static bool[] Draw(ReadOnlySpan<double> runs, int tokens, Random random)
    {
        var agrees = new bool[tokens];
        for (int place = 0, run = 0; place < tokens; place++)
        {
            agrees[place] = run + 1 < runs.Length && random.NextDouble() * runs[run] < runs[run + 1];
            run = agrees[place] ? run + 1 : 0;
        }

        return agrees;
    }

    /// <summary>
    /// The expected time of the passes up to the one that shows the first disagreement. The first pass verifies <paramref name="held"/> drafts and takes
    /// <paramref name="extra"/> more than its V; draft 1 arrives at <paramref name="firstDraft"/>, each further one after <paramref name="draftSeconds"/>.
    /// </summary>
    private static double SecondsToDisagreement(
        StepCost cost, int cap, int held, double extra, double firstDraft, double draftSeconds, ReadOnlySpan<double> runs)
    {
        double now = 0, seconds = 0;
        for (int place = 0, k = held; place < runs.Length;)
        {
            double pass = cost.Verify(k) + (place == 0 ? extra : 0);
            seconds += runs[place] * pass;
            now += pass;
            place += k + 1;
            double arrived = Math.Floor((now - firstDraft + Instant) / Math.Max(draftSeconds, Instant)) + 1;
            k = (int)Math.Clamp(arrived - place, 0, cap);
        }

        return seconds;
    }
}
