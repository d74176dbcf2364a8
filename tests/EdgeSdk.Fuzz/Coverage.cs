using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace EdgeSdk.Fuzz;

/// <summary>
/// The branches that inputs took, as AFL counts them: how often, in eight steps. An assembly that SharpFuzz's tool has instrumented writes them; of
/// one that it has not, none are seen.
/// </summary>
internal sealed unsafe class Coverage
{
    private const int Size = 1 << 16;

    private readonly byte* map = (byte*)NativeMemory.AllocZeroed(Size);
    private readonly byte[] seen = new byte[Size];

    public Coverage() => Trace.SharedMem = map;

    /// <summary>How many branches any input has taken.</summary>
    public int Branches { get; private set; }

    public void Reset()
    {
        new Span<byte>(map, Size).Clear();
        Trace.PrevLocation = 0;
    }

    /// <summary>Whether the input took a branch, or took it as often, as none before.</summary>
    public bool AddsAny()
    {
        bool adds = false;
        var taken = new Span<byte>(map, Size);
        for (int i = taken.IndexOfAnyExcept((byte)0); i >= 0;)
        {
            byte step = (byte)(1 << Math.Min(7, (int)uint.Log2(taken[i])));
            if ((seen[i] & step) == 0)
            {
                Branches += seen[i] == 0 ? 1 : 0;
                seen[i] |= step;
                adds = true;
            }

            int next = taken[(i + 1)..].IndexOfAnyExcept((byte)0);
            i = next < 0 ? -1 : i + 1 + next;
        }

        return adds;
    }
}
