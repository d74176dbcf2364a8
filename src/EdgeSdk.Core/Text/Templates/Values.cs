using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EdgeSdk.Text.Templates;

// A value of a template is one of: null (none), bool, BigInteger, double, string, List<object?> (a list), object?[] (a tuple), Mapping, Undefined,
// Namespace, Loop and BoundBuiltin (a function or a method). Nothing of the host is ever among them.

/// <summary>A dictionary in the order of its keys' arrival; as in Python, 1, 1.0 and true are one key.</summary>
internal sealed class Mapping() : OrderedDictionary<object, object?>(KeyComparer.Instance)
{
    private sealed class KeyComparer : IEqualityComparer<object>
    {
        public static KeyComparer Instance { get; } = new();

        public new bool Equals(object? x, object? y) => object.Equals(Number(x), Number(y));

        public int GetHashCode(object key) => Number(key)!.GetHashCode();

        private static object? Number(object? key) => key switch
        {
            bool b => b ? BigInteger.One : BigInteger.Zero,
            double d when double.IsInteger(d) => new BigInteger(d),
            _ => key,
        };
    }
}

/// <summary>What a name or a member that does not exist evaluates to: empty wherever it is printed, looped over or tested, an error elsewhere.</summary>
/// <param name="Problem">What is missing, as a message says it.</param>
internal sealed record Undefined(string Problem);

/// <summary>Attributes that a template may set from inside a loop.</summary>
internal sealed class Namespace
{
    public Dictionary<string, object?> Attributes { get; } = new(StringComparer.Ordinal);
}

/// <summary>The variable <c>loop</c> inside a for loop.</summary>
internal sealed class Loop(IReadOnlyList<object?> items)
{
    /// <summary>The place of the current item, from 0.</summary>
    public int Place { get; set; }

    /// <summary>An attribute by its name; false where there is none.</summary>
    public bool TryGet(string name, out object? value)
    {
        value = name switch
        {
            "index" => (BigInteger)(Place + 1),
            "index0" => (BigInteger)Place,
            "revindex" => (BigInteger)(items.Count - Place),
            "revindex0" => (BigInteger)(items.Count - Place - 1),
            "length" => (BigInteger)items.Count,
            "first" => Place == 0,
            "last" => Place == items.Count - 1,
            "previtem" => Place > 0 ? items[Place - 1] : new Undefined("there is no previous item"),
            "nextitem" => Place < items.Count - 1 ? items[Place + 1] : new Undefined("there is no next item"),
            _ => this,
        };
        return value != this;
    }
}

/// <summary>Values from JSON.</summary>
internal static class Values
{
    /// <exception cref="EdgeException">The JSON is not well formed: a property is there twice.</exception>
    public static object? From(JsonNode? node) => node switch
    {
        null => null,
        JsonObject json => FromObject(json),
        JsonArray json => json.Select(From).ToList(),
        _ => node.GetValueKind() switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            JsonValueKind.Null => null,
            JsonValueKind.String => node.GetValue<string>(),
            _ => Number(node.ToJsonString()),
        },
    };

    private static Mapping FromObject(JsonObject json)
    {
        StackLimit.Check();
        var mapping = new Mapping();
        foreach (var (name, value) in json)
            mapping[name] = From(value);

        return mapping;
    }

    private static object Number(string json) => json.AsSpan().IndexOfAny(".eE") < 0
        ? BigInteger.Parse(json, System.Globalization.CultureInfo.InvariantCulture)
        : double.Parse(json, System.Globalization.CultureInfo.InvariantCulture);
}
