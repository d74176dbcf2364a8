using System.Runtime.InteropServices;

namespace EdgeSdk.Text;

/// <summary>The short texts that streams gave of late, so that the text of a token is made once. Safe for concurrent use: what is lost in a race is made again.</summary>
internal sealed class TextPool
{
    private const int LongestKept = 64;
    private const int Buckets = 1 << 13;
    private const int TextsInBucket = 4;

    private readonly string?[] _texts = new string?[Buckets * TextsInBucket];

    /// <summary>A string of these characters.</summary>
    public string Get(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty || text.Length > LongestKept)
            return new string(text);

        uint hash = Vocabulary.Hash(MemoryMarshal.AsBytes(text));
        var bucket = _texts.AsSpan((int)(hash % Buckets) * TextsInBucket, TextsInBucket);
        for (int i = 0; i < TextsInBucket; i++)
        {
            if (bucket[i] is not { } known)
                return bucket[i] = new string(text);

            if (text.SequenceEqual(known))
                return known;
        }

        return bucket[(int)(hash / Buckets % TextsInBucket)] = new string(text);
    }
}
