using EdgeSdk.Decoding;
using EdgeSdk.Sampling;

namespace EdgeSdk.Cli;

/// <summary>A turn that is measured: its prompt, what the server writes alone, and how the device does on it.</summary>
/// <param name="Prompt">Ids.</param>
/// <param name="Text">What the server writes behind it alone.</param>
/// <param name="Finish">Why that ends.</param>
/// <param name="Agrees">For each place of the text whether the device, put on the text up to there, chooses what the server wrote.</param>
/// <param name="DevicePromptSeconds">The device's time for the prompt, its first draft included.</param>
/// <param name="DraftSeconds">The device's time for a further draft, with nothing beside it.</param>
internal sealed record BenchTurn(int[] Prompt, int[] Text, FinishReason? Finish, bool[] Agrees, double DevicePromptSeconds, double DraftSeconds)
{
    /// <summary>Lets the device score what the server wrote, and times its prompt and its drafts.</summary>
    public static async Task<BenchTurn> MeasureAsync(
        int[] prompt, int[] text, FinishReason? finish, SamplerSpec sampler, ILanguageModel device, StopRule stop, CancellationToken cancellationToken)
    {
        bool[] agrees = await CompareAsync(prompt, text, sampler, device, cancellationToken).ConfigureAwait(false);
        var sequence = await device.OpenAsync(sampler, cancellationToken).ConfigureAwait(false);
        var window = new DraftWindow(device, sequence, stop, TimeProvider.System);
        await using var owned = window.ConfigureAwait(false);
        window.Begin(prompt);
        long start = TimeProvider.System.GetTimestamp();
        while (window.Untaken > TogetherTurn.PromptChunk)
            await window.TakeInAsync(TogetherTurn.PromptChunk, cancellationToken).ConfigureAwait(false);

        await window.DraftAsync(cancellationToken).ConfigureAwait(false);
        double promptSeconds = TimeProvider.System.GetElapsedTime(start).TotalSeconds;
        while (window.CanDraft)
            await window.DraftAsync(cancellationToken).ConfigureAwait(false);

        return new(prompt, text, finish, agrees, promptSeconds, window.DraftSeconds);
    }

    /// <summary>Agreement over several turns.</summary>
    public static Agreement AgreementOf(IEnumerable<BenchTurn> turns)
    {
        var agreement = new Agreement();
        foreach (var turn in turns)
        {
            agreement.BeginTurn();
            foreach (bool agrees in turn.Agrees)
                agreement.Add(agrees);
        }

        return agreement;
    }

    private static async Task<bool[]> CompareAsync(int[] prompt, int[] text, SamplerSpec sampler, ILanguageModel device, CancellationToken cancellationToken)
    {
        var sequence = await device.OpenAsync(sampler, cancellationToken).ConfigureAwait(false);
        await using var owned = sequence.ConfigureAwait(false);
        int[] whole = [.. prompt, .. text];
        var picks = new Pick[text.Length];
        if (prompt.Length > 1)
            await sequence.StepAsync(whole.AsMemory(0, prompt.Length - 1), default, cancellationToken).ConfigureAwait(false);

        // Where the device's context ends before the text does, it has no say in the rest.
        int places = Math.Min(text.Length, device.Info.ContextLength - prompt.Length + 1);
        for (int place = 0, width; place < places; place += width)
        {
            width = Math.Min(places - place, device.Traits.MaxStep);
            await sequence.StepAsync(whole.AsMemory(sequence.Length, width), picks.AsMemory(place, width), cancellationToken).ConfigureAwait(false);
        }

        return [.. text.Select((token, place) => place < places && picks[place].Token == token)];
    }
}
