namespace EdgeSdk.Fuzz;

/// <summary>A reader of untrusted input under test.</summary>
/// <param name="Name">Its name on the command line, and its folder's in the corpus.</param>
/// <param name="Words">What its inputs are made of, besides single bytes.</param>
/// <param name="Run">Reads an input. Whatever it throws is a finding; refusals that are meant to be it swallows.</param>
internal sealed record FuzzTarget(string Name, string[] Words, Action<byte[]> Run)
{
    /// <summary>All targets.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } = [TemplateTarget.Create(), .. ConstraintTargets.Create(), TokenizerTarget.Create()];
}
