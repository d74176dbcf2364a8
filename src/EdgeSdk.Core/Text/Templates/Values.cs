using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EdgeSdk.Text.Templates;

// A value of a template is one of: null (none), bool, BigInteger, double, string, SafeText, List<object?> (a list), object?[] (a tuple), Mapping,
// NumberRange, View, OnePass, Undefined, Namespace, Loop, Macro and BoundBuiltin (a function or a method). Nothing of the host is ever among them.
// A template never changes a list or a mapping once it is made, so that values hold no cycles.

/// <summary>A dictionary in the order of its keys' arrival; as in Python, 1, 1.0 and true are one key.</summary>
internal sealed class Mapping() : OrderedDictionary<object, object?>(KeyComparer.Instance)
{
    private sealed class KeyComparer : IEqualityComparer<object>
    {
        public static KeyComparer Instance { get; } = new();

        public new bool Equals(object? x, object? y) => object.Equals(Number(x), Number(y));

        /// <summary>A float's own hash code is plain to see, and so are many floats that share one.</summary>
        public int GetHashCode(object key) => Number(key) is double d ? HashCode.Combine(BitConverter.DoubleToInt64Bits(d) * 0x2545F4914F6CDD1D) : Number(key)!.GetHashCode();

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

/// <summary>Text that the filters <c>safe</c> and <c>escape</c> made, Python's Markup: what is added to it is escaped for HTML.</summary>
internal sealed record SafeText(string Text);

/// <summary>The numbers of <c>range</c>, of which there are <paramref name="Count"/>.</summary>
internal sealed record NumberRange(BigInteger Start, BigInteger Stop, BigInteger Step, int Count)
{
    public object? this[int place] => Start + (place * Step);

    public List<object?> Numbers() => [.. Enumerable.Range(0, Count).Select(place => this[place])];
}

/// <summary>A mapping's keys, values or items, as Python's methods of these names give them: to go through and to count, without places.</summary>
/// <param name="Kind">The name of Python's type.</param>
/// <param name="Items">What it shows.</param>
internal sealed record View(string Kind, List<object?> Items);

/// <summary>Items that can be gone through once, as those of the filters that are generators in Jinja.</summary>
internal sealed class OnePass(List<object?> items)
{
    private int _next;

    public List<object?> TakeAll()
    {
        var rest = _next == 0 ? items : items[_next..];
        _next = items.Count;
        return rest;
    }

    public bool TryTake(out object? item)
    {
        item = _next < items.Count ? items[_next] : null;
        return _next++ < items.Count;
    }
}

/// <summary>Attributes that a template may set from inside a loop.</summary>
internal sealed class Namespace
{
    public Mapping Attributes { get; } = [];
}

/// <summary>What a template defines with <c>macro</c>, and what a <c>call</c> block hands to the macro that it calls.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Parameters">The names of its parameters.</param>
/// <param name="Body">Renders it.</param>
internal sealed record Macro(string Name, IReadOnlyList<string> Parameters, Func<Arguments, string> Body);

/// <summary>What a call is given.</summary>
/// <param name="Placed">By place.</param>
/// <param name="Named">By name.</param>
internal sealed record Arguments(IReadOnlyList<object?> Placed, IReadOnlyList<KeyValuePair<string, object?>> Named)
{
    public static Arguments None { get; } = new([], []);
}

/// <summary>The variable <c>loop</c> inside a for loop.</summary>
/// <param name="items">What it goes through.</param>
/// <param name="depth">How many loops of the same tag are around it.</param>
/// <param name="recurse">Renders the loop for other items, one level deeper; null where the tag does not say <c>recursive</c>.</param>
internal sealed class Loop(IReadOnlyList<object?> items, int depth, Func<object?, string>? recurse)
{
    private static readonly Builtin s_cycle = new("cycle", [], 0, call => ((Loop)call.Subject!).Cycle(call.Given.Placed)) { TakesAny = true };

    private static readonly Builtin s_changed = new("changed", [], 0, call => ((Loop)call.Subject!).Changed(call.Given.Placed, call.Meter)) { TakesAny = true };

    private IReadOnlyList<object?>? _seen;

    /// <summary>The place of the current item, from 0.</summary>
    public int Place { get; set; }

    public int Count => items.Count;

    public Func<object?, string>? Recurse => recurse;

    /// <summary>An attribute by its name; false where there is none.</summary>
    public bool TryGet(string name, out object? value)
    {
        value = name switch
        {
            "index" => (BigInteger)(Place + 1),
            "index0" => (BigInteger)Place,
            "revindex" => (BigInteger)(Count - Place),
            "revindex0" => (BigInteger)(Count - Place - 1),
            "length" => (BigInteger)Count,
            "first" => Place == 0,
            "last" => Place == Count - 1,
            "depth" => (BigInteger)(depth + 1),
            "depth0" => (BigInteger)depth,
            "previtem" => Place > 0 ? items[Place - 1] : new Undefined("there is no previous item"),
            "nextitem" => Place < Count - 1 ? items[Place + 1] : new Undefined("there is no next item"),
            "cycle" => new BoundBuiltin(s_cycle, this),
            "changed" => new BoundBuiltin(s_changed, this),
            _ => this,
        };
        return value != this;
    }

    private object? Cycle(IReadOnlyList<object?> values) =>
        values.Count > 0 ? values[Place % values.Count] : throw new TemplateFault("'cycle' needs at least one value.");

    /// <summary>Whether the values differ from those of the last time.</summary>
    private bool Changed(IReadOnlyList<object?> values, Meter meter)
    {
        bool same = _seen is not null && Operators.AreEqual(_seen.ToArray(), values.ToArray(), meter);
        _seen = values;
        return !same;
    }
}

/// <summary>Values from JSON, with a count of the characters that they hold.</summary>
internal sealed class JsonValues
{
    /// <summary>Python's own limit.</summary>
    private const int MaxDigits = 4300;

    /// <summary>Far above any conversation's; each takes many times the memory that its JSON does.</summary>
    private const int MaxValues = 500_000;

    private int _values;

    /// <summary>How many characters of text were read, keys included; anything else counts as eight.</summary>
    public long Size { get; private set; }

    /// <exception cref="TemplateFault">The JSON nests too deeply, holds too much or a name twice, or a number is too long.</exception>
    public object? From(JsonNode? node)
    {
        StackLimit.Check();
        Size += 8;
        if (++_values > MaxValues)
            throw new TemplateFault($"there are more than {MaxValues} values of JSON.");

        return node switch
        {
            null => null,
            JsonObject json => FromObject(json),
            JsonArray json => json.Select(From).ToList(),
            _ => node.GetValueKind() switch
            {
                JsonValueKind.True => true,
                JsonValueKind.False => false,
                JsonValueKind.Null => null,
                JsonValueKind.String => Counted(node.GetValue<string>()),
                _ => Number(node.ToJsonString()),
            },
        };
    }

    private Mapping FromObject(JsonObject json)
    {
        var mapping = new Mapping();
        try
        {
            foreach (var (name, value) in json)
                mapping[Counted(name)] = From(value);
        }
        catch (ArgumentException e)
        {
            // An object that was parsed is taken apart when it is first looked into.
            throw new TemplateFault($"an object holds a name twice: {e.Message}");
        }

        return mapping;
    }

    private string Counted(string text)
    {
        Size += text.Length;
        return text;
    }

    private static object Number(string json)
    {
        if (json.AsSpan().IndexOfAny(".eE") >= 0)
            return double.Parse(json, CultureInfo.InvariantCulture);

        return json.Length <= MaxDigits ? BigInteger.Parse(json, CultureInfo.InvariantCulture) : throw new TemplateFault($"an integer of {json.Length} digits is too long.");
    }
}
