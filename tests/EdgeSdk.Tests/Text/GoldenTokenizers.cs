using System.Collections.Concurrent;
using EdgeSdk.Text;

namespace EdgeSdk.Tests.Text;

/// <summary>The golden tokenizers, each read once.</summary>
internal static class GoldenTokenizers
{
    private static readonly ConcurrentDictionary<string, Lazy<Tokenizer>> Read = new();

    /// <summary>The one in <c>tests/data/tokenizers/{name}</c>.</summary>
    public static Tokenizer Get(string name) => Read.GetOrAdd(name, n => new Lazy<Tokenizer>(() => Tokenizer.Load(Assets.Data($"tokenizers/{n}")))).Value;
}
