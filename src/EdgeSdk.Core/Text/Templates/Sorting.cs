namespace EdgeSdk.Text.Templates;

/// <summary>Sorting as Python's: stable, by "less than" alone.</summary>
internal static class Sorting
{
    /// <summary>A sorted copy; merge sort from the bottom.</summary>
    public static List<T> Sorted<T>(IReadOnlyList<T> items, Func<T, T, bool> isLess)
    {
        T[] from = [.. items], to = new T[items.Count];
        for (int width = 1; width < from.Length; width *= 2)
        {
            for (int start = 0; start < from.Length; start += 2 * width)
                Merge(from, to, start, Math.Min(start + width, from.Length), Math.Min(start + (2 * width), from.Length), isLess);

            (from, to) = (to, from);
        }

        return [.. from];
    }

    private static void Merge<T>(T[] from, T[] to, int start, int middle, int end, Func<T, T, bool> isLess)
    {
        int left = start, right = middle;
        for (int i = start; i < end; i++)
            to[i] = right == end || (left < middle && !isLess(from[right], from[left])) ? from[left++] : from[right++];
    }
}
