namespace EdgeSdk.Tests.Text.Constraints;

/// <summary>Regular expressions drawn at random.</summary>
internal static class RandomPattern
{
    private static readonly string[] s_atoms = ["a", "b", "é", "日", " ", "[a-c]", "[^a\\n]", "[0-9_x]", ".", "\\n", "the", "\\.", "[\\u00e0-\\u00ff]", "\\x41", "[^\\n]"];
    private static readonly string[] s_counts = ["", "", "", "?", "*", "+", "{2}", "{1,3}", "{0,20}", "{2,}", "*?", "{3,5}"];

    public static string Draw(Random random, int depth) => string.Join('|', Enumerable.Range(0, 1 + random.Next(2)).Select(_ => Sequence(random, depth)));

    private static string Sequence(Random random, int depth) => string.Concat(Enumerable.Range(0, 1 + random.Next(3)).Select(_ =>
        (depth > 0 && random.Next(2) == 0 ? $"(?:{Draw(random, depth - 1)})" : $"(?:{s_atoms[random.Next(s_atoms.Length)]})") + s_counts[random.Next(s_counts.Length)]));
}
