namespace EdgeSdk.Modeling;

/// <summary>What a conversion makes.</summary>
public sealed record ConvertOptions
{
    /// <summary>The arithmetic of the graph; the weights stay as the checkpoint holds them.</summary>
    public ConvertPrecision Precision { get; init; } = ConvertPrecision.Fp32;

    /// <summary>Replaces a destination that exists.</summary>
    public bool Force { get; init; }
}

/// <summary>The arithmetic of a converted graph.</summary>
public enum ConvertPrecision
{
    /// <summary>float32 throughout.</summary>
    Fp32,
}

/// <summary>How far a conversion is.</summary>
/// <param name="Message">What is being done, or the warning.</param>
/// <param name="IsWarning">Whether the user should know: the conversion goes on, but what it makes lacks something.</param>
public readonly record struct ConvertProgress(string Message, bool IsWarning = false);
