using System.Numerics;

namespace EdgeSdk.Sampling;

/// <summary>
/// The noise "edge-1": a Gumbel variate for each (seed, place, token id), by a hash instead of a generator's state. Who draws, in which order and how
/// often makes no difference, which is what lets a device and a server draw the same.
/// </summary>
/// <param name="key">See <see cref="At"/>.</param>
internal readonly struct GumbelNoise(ulong key)
{
    /// <summary>The noise lies in (<see cref="Least"/>, <see cref="Most"/>): -log(53 log 2) and 53 log 2, rounded outwards.</summary>
    public const double Least = -3.604, Most = 36.74;

    /// <summary>The noise at <paramref name="place"/>, the absolute index of the token that is drawn.</summary>
    public static GumbelNoise At(ulong seed, int place) => new(Mix(seed ^ Mix((ulong)place)));

    /// <summary>Gumbel noise of token <paramref name="id"/>.</summary>
    public double Of(int id) => -Elementary.Log(-Elementary.Log(Uniform(Hash(id))));

    /// <summary>64 hashed bits of token <paramref name="id"/>.</summary>
    public ulong Hash(int id) => Mix(key + (ulong)id);

    /// <summary>The hashes of tokens <paramref name="id"/>, id+1, ...: a vector's worth.</summary>
    public Vector<ulong> HashesFrom(int id)
    {
        var z = new Vector<ulong>(key + (ulong)id) + Vector<ulong>.Indices;
        z = (z ^ (z >>> 30)) * new Vector<ulong>(0xBF58476D1CE4E5B9);
        z = (z ^ (z >>> 27)) * new Vector<ulong>(0x94D049BB133111EB);
        return z ^ (z >>> 31);
    }

    /// <summary>A number in (0, 1) from the upper 52 bits of a hash; never 0 or 1, where the noise would be infinite.</summary>
    public static double Uniform(ulong hash) => ((hash >> 12) + 0.5) * (1.0 / (1UL << 52));

    /// <summary>SplitMix64's finaliser (Steele, Lea, Flood, OOPSLA 2014; constants by Stafford).</summary>
    public static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
