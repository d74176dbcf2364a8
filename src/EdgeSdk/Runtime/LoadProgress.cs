namespace EdgeSdk.Runtime;

/// <summary>How far the loading of a model has come.</summary>
/// <param name="Model">The model's name, or its folder until the name is known.</param>
/// <param name="Stage">What begins now.</param>
public readonly record struct LoadProgress(string Model, LoadStage Stage);

/// <summary>The stages of loading a model, in order.</summary>
public enum LoadStage
{
    /// <summary>The folder's description is read and its files are verified.</summary>
    Verifying,

    /// <summary>The graph and its weights are loaded.</summary>
    Loading,

    /// <summary>Passes of different widths are compared and timed.</summary>
    Testing,

    /// <summary>The model can be used.</summary>
    Ready,
}
