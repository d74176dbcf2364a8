using System.Globalization;

namespace EdgeSdk.Tests.Sampling;

/// <summary>The tables of docs/sampling.md, and the logits that its examples are made of.</summary>
internal static class SpecificationPage
{
    /// <summary>The rows of the table whose header begins with <paramref name="columns"/>, cell by cell.</summary>
    public static List<string[]> Table(params string[] columns)
    {
        var rows = new List<string[]>();
        bool inside = false;
        foreach (string line in File.ReadLines(Path.Combine(Assets.Repository, "docs", "sampling.md")))
        {
            string[] cells = [.. line.Trim('|').Split('|').Select(c => c.Trim())];
            if (inside && !line.StartsWith('|'))
                break;

            if (inside && !line.StartsWith("|---", StringComparison.Ordinal))
                rows.Add(cells);

            inside |= line.StartsWith('|') && cells.AsSpan().StartsWith(columns);
        }

        Assert.NotEmpty(rows);
        return rows;
    }

    public static ulong Bits(string cell) => ulong.Parse(cell.AsSpan(2), NumberStyles.HexNumber);

    public static double Double(string cell) => BitConverter.UInt64BitsToDouble(Bits(cell));

    public static float[] Logits(int row, int vocabulary)
    {
        var logits = new float[vocabulary];
        for (int i = 0; i < vocabulary; i++)
            logits[i] = (float)((Mix((ulong)row * 1000003 + (ulong)i) >> 40) * (1.0 / (1 << 20)) - 8);

        return logits;
    }

    public static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
