namespace EdgeSdk.Runtime;

/// <summary>How a model is loaded; the values hold for all of its sequences.</summary>
public sealed record OnnxModelOptions
{
    /// <summary>The least rows that a forward pass runs; a shorter one is padded. 1 for a model that decodes alone or only drafts;
    /// 2 for a server and every verifier: a pass of one row takes another kernel, whose logits differ in their last bits.</summary>
    public int MinimumRows { get; init; } = 1;

    /// <summary>Threads that compute one pass, 0 to 256; 0: one for each processor this process may use, at most 8.</summary>
    public int Threads { get; init; }

    /// <summary>The most passes that run at the same time, 0 to 256; further ones wait in order of arrival. 0: as many as <see cref="Threads"/>.</summary>
    public int ConcurrentPasses { get; init; }

    /// <summary>The most tokens of a prompt that one pass takes in, 16 to 4,096, rounded down to an even number; cancellation is honoured between passes at the latest.</summary>
    public int PrefillChunk { get; init; } = 256;

    /// <summary>The most picks that one step may ask for, 1 to 1,024: a pending token and the drafts behind it.</summary>
    public int MaxStep { get; init; } = 65;

    /// <summary>Shortens the model's context to this many tokens, at least 16; 0 takes the model's own. Memory is taken as texts grow, not up front.</summary>
    public int ContextLength { get; init; }

    /// <summary>Compares passes of different widths and measures their cost at load (tens of milliseconds for a small model).
    /// Without it <see cref="Decoding.StepTraits.ExactFrom"/> is 0 and <see cref="Decoding.StepTraits.Cost"/> unknown.</summary>
    public bool SelfTest { get; init; } = true;

    /// <summary>Throws where a value lies outside its range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the option, its value and its range.</exception>
    public void Validate()
    {
        InRange(MinimumRows, 1, 16, nameof(MinimumRows));
        InRange(Threads, 0, 256, nameof(Threads));
        InRange(ConcurrentPasses, 0, 256, nameof(ConcurrentPasses));
        InRange(PrefillChunk, 16, 4096, nameof(PrefillChunk));
        InRange(MaxStep, 1, 1024, nameof(MaxStep));
        if (ContextLength != 0)
            InRange(ContextLength, 16, int.MaxValue, nameof(ContextLength));
    }

    private static void InRange(int value, int least, int most, string name)
    {
        if (value < least || value > most)
            throw new ArgumentOutOfRangeException(name, value, $"{name} must lie in {least} to {most}.");
    }
}
