using System.Buffers;
using System.Numerics;
using System.Text;

namespace EdgeSdk.Text.Templates;

/// <summary>What values do under operators, as Python's do: <c>true</c> counts as 1, integers have any length, division floors.</summary>
internal static class Operators
{
    /// <summary>Integers beyond this are refused: nothing that a prompt shows, and a way to burn time.</summary>
    private const long MaxBits = 8192;

    private static readonly SearchValues<char> s_escaped = SearchValues.Create("&<>'\"");

    /// <summary>How a message names the kind of a value.</summary>
    public static string KindOf(object? value) => value switch
    {
        null => "none",
        bool => "a boolean",
        BigInteger => "an integer",
        double => "a float",
        string => "a string",
        SafeText => "safe text",
        List<object?> => "a list",
        object?[] => "a tuple",
        Mapping => "a mapping",
        NumberRange => "a range",
        View view => $"a view of {view.Kind[5..]}",
        OnePass => "a generator",
        Undefined => "undefined",
        Namespace => "a namespace",
        Loop => "the loop",
        Macro macro => $"the macro '{macro.Name}'",
        BoundBuiltin { Builtin.Name: var name } => $"the function '{name}'",
        _ => "a value",
    };

    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool b => b,
        BigInteger n => !n.IsZero,
        double d => d != 0,
        string s => s.Length > 0,
        List<object?> list => list.Count > 0,
        object?[] tuple => tuple.Length > 0,
        Mapping mapping => mapping.Count > 0,
        SafeText safe => safe.Text.Length > 0,
        NumberRange range => range.Count > 0,
        View view => view.Items.Count > 0,
        _ => true,
    };

    /// <summary>What a loop over the value sees: items, a mapping's keys, a string's characters.</summary>
    public static IReadOnlyList<object?> Items(object? value, Meter meter)
    {
        var items = value switch
        {
            List<object?> list => list,
            object?[] tuple => tuple,
            Mapping mapping => [.. mapping.Keys],
            string text => Characters(text, meter),
            SafeText safe => Characters(safe.Text, meter),
            NumberRange range => range.Numbers(),
            View view => view.Items,
            OnePass pass => pass.TakeAll(),
            Undefined => (IReadOnlyList<object?>)[],
            _ => throw new TemplateFault($"{KindOf(value)} holds no items to go through."),
        };
        meter.Step(items.Count);
        return items;
    }

    public static bool IsIterable(object? value) => IsSequence(value) || value is View or OnePass;

    /// <summary>What has a length and can be indexed, as Jinja's test of this name has it: mappings too.</summary>
    public static bool IsSequence(object? value) => value is List<object?> or object?[] or Mapping or NumberRange or string or SafeText or Undefined;

    /// <summary>Items that are at hand in an order, which can be read from behind.</summary>
    public static IReadOnlyList<object?> Ordered(object? value, Meter meter) =>
        value is OnePass ? throw new TemplateFault("a generator cannot be read from behind; put '| list' before.") : Items(value, meter);

    /// <summary>A string's Unicode characters, each a string.</summary>
    private static List<object?> Characters(string text, Meter meter)
    {
        meter.MakeItems(text.Length);
        var characters = new List<object?>(text.Length);
        for (int i = 0; i < text.Length;)
        {
            int length = char.IsSurrogatePair(text, i) ? 2 : 1;
            characters.Add(text.Substring(i, length));
            i += length;
        }

        return characters;
    }

    public static int Length(object? value, Meter meter) => value switch
    {
        string text => PythonText.Length(text, meter),
        List<object?> list => list.Count,
        object?[] tuple => tuple.Length,
        Mapping mapping => mapping.Count,
        SafeText safe => PythonText.Length(safe.Text, meter),
        NumberRange range => range.Count,
        View view => view.Items.Count,
        Undefined => 0,
        OnePass => throw new TemplateFault("a generator has no length; put '| list' before."),
        _ => throw new TemplateFault($"{KindOf(value)} has no length."),
    };

    public static object? Apply(string operation, object? left, object? right, Meter meter) => operation switch
    {
        "~" => Concatenate(PythonText.Display(left, meter), PythonText.Display(right, meter), meter),
        "+" => Add(left, right, meter),
        "*" => Multiply(left, right, meter),
        "%" when left is string text => PythonFormat.Percent(text, right, meter),
        "%" when left is SafeText => throw new TemplateFault("'%' on safe text is not supported; format first, then use 'safe'."),
        _ => Calculate(operation, left, right, meter),
    };

    /// <summary>Text with the characters replaced that mean something in HTML; safe text as it is.</summary>
    public static SafeText Escape(object? value, Meter meter)
    {
        if (value is SafeText safe)
            return safe;

        string text = PythonText.Display(value, meter);
        meter.Make(text.Length + (4L * text.AsSpan().CountAny(s_escaped)));
        return new SafeText(text
            .Replace("&", "&amp;", StringComparison.Ordinal)
            .Replace("<", "&lt;", StringComparison.Ordinal)
            .Replace(">", "&gt;", StringComparison.Ordinal)
            .Replace("'", "&#39;", StringComparison.Ordinal)
            .Replace("\"", "&#34;", StringComparison.Ordinal));
    }

    public static object Negate(string sign, object? value) => (sign, Number(value)) switch
    {
        ("-", BigInteger n) => -n,
        ("-", double d) => -d,
        (_, { } number) => number,
        _ => throw Misfit(sign, value),
    };

    public static bool Compare(string operation, object? left, object? right, Meter meter) => operation switch
    {
        "==" => AreEqual(left, right, meter),
        "!=" => !AreEqual(left, right, meter),
        "in" => Contains(right, left, meter),
        "not in" => !Contains(right, left, meter),
        "<" => Order(operation, left, right, meter) is < 0,
        "<=" => Order(operation, left, right, meter) is <= 0,
        ">" => Order(operation, left, right, meter) is > 0,
        _ => Order(operation, left, right, meter) is >= 0,
    };

    public static bool AreEqual(object? left, object? right, Meter meter)
    {
        meter.Step();
        if (Number(left) is { } a && Number(right) is { } b)
            return OrderNumbers(a, b) == 0;

        return (Plain(left), Plain(right)) switch
        {
            (null, null) => true,
            (string x, string y) => TextsAreEqual(x, y, meter),
            (List<object?> x, List<object?> y) => SequencesAreEqual(x, y, meter),
            (object?[] x, object?[] y) => SequencesAreEqual(x, y, meter),
            (Mapping x, Mapping y) => MappingsAreEqual(x, y, meter),
            (Undefined, Undefined) => true,
            (NumberRange x, NumberRange y) => x.Count == y.Count && (x.Count == 0 || (x.Start == y.Start && (x.Count == 1 || x.Step == y.Step))),
            (View, View) => throw new TemplateFault("views of a mapping cannot be compared; put '| list' behind them."),
            _ => ReferenceEquals(left, right) && left is not null,
        };
    }

    /// <summary>A key as a mapping takes it.</summary>
    public static object Key(object? value, Meter meter) => value is string or SafeText or BigInteger or double or bool
        ? Hashed(value, meter)
        : throw new TemplateFault($"{KindOf(value)} cannot be a mapping's key here; a string, a number or a boolean can.");

    /// <summary>A key that is about to be looked up.</summary>
    public static object Hashed(object key, Meter meter)
    {
        if (Plain(key) is not string text)
            return key;

        meter.Walk(text);
        return text;
    }

    private static object? Plain(object? value) => value is SafeText safe ? safe.Text : value;

    private static bool TextsAreEqual(string left, string right, Meter meter)
    {
        meter.Scan(left);
        return left == right;
    }

    private static bool SequencesAreEqual(IReadOnlyList<object?> left, IReadOnlyList<object?> right, Meter meter)
    {
        StackLimit.Check();
        if (left.Count != right.Count)
            return false;

        for (int i = 0; i < left.Count; i++)
        {
            if (!AreEqual(left[i], right[i], meter))
                return false;
        }

        return true;
    }

    private static bool MappingsAreEqual(Mapping left, Mapping right, Meter meter)
    {
        StackLimit.Check();
        return left.Count == right.Count && left.All(pair => right.TryGetValue(Hashed(pair.Key, meter), out var other) && AreEqual(pair.Value, other, meter));
    }

    public static bool Contains(object? container, object? value, Meter meter)
    {
        (container, value) = (Plain(container), Plain(value));
        switch (container)
        {
            case string text:
                meter.Search(text, value as string ?? "");
                return value is string part ? text.Contains(Guards.SpellingIn(text, part), StringComparison.Ordinal) : throw new TemplateFault($"a string cannot hold {KindOf(value)}.");
            case Mapping mapping:
                return value is List<object?> or Mapping ? throw new TemplateFault($"{KindOf(value)} cannot be a mapping's key.") : value is string or BigInteger or double or bool && mapping.ContainsKey(Hashed(value, meter));
            default:
                return Items(container, meter).Any(item => AreEqual(item, value, meter));
        }
    }

    /// <summary>Less than, equal to or greater than 0; null where a number is none, which is neither.</summary>
    public static int? Order(string operation, object? left, object? right, Meter meter)
    {
        meter.Step();
        (left, right) = (Plain(left), Plain(right));
        if (Number(left) is { } a && Number(right) is { } b)
            return OrderNumbers(a, b);

        return (left, right) switch
        {
            (string x, string y) => OrderTexts(x, y, meter),
            (List<object?> x, List<object?> y) => OrderSequences(operation, x, y, meter),
            (object?[] x, object?[] y) => OrderSequences(operation, x, y, meter),
            _ => throw Misfit(operation, left, right),
        };
    }

    private static int OrderTexts(string left, string right, Meter meter)
    {
        meter.Scan(left.Length < right.Length ? left : right);
        return PythonText.Compare(left, right);
    }

    private static int? OrderSequences(string operation, IReadOnlyList<object?> left, IReadOnlyList<object?> right, Meter meter)
    {
        StackLimit.Check();
        for (int i = 0; i < Math.Min(left.Count, right.Count); i++)
        {
            if (!AreEqual(left[i], right[i], meter))
                return Order(operation, left[i], right[i], meter);
        }

        return left.Count.CompareTo(right.Count);
    }

    private static int? OrderNumbers(object left, object right)
    {
        if (left is BigInteger m && right is BigInteger n)
            return m.CompareTo(n);
        if (left is BigInteger whole && right is double real)
            return double.IsFinite(real) ? -OrderToWhole(real, whole) : OrderNumbers(0d, real);
        if (left is double first && right is BigInteger second)
            return double.IsFinite(first) ? OrderToWhole(first, second) : OrderNumbers(first, 0d);

        var (a, b) = ((double)left, (double)right);
        return double.IsNaN(a) || double.IsNaN(b) ? null : a.CompareTo(b);
    }

    private static int OrderToWhole(double real, BigInteger whole)
    {
        int order = new BigInteger(Math.Floor(real)).CompareTo(whole);
        return order == 0 && Math.Floor(real) < real ? 1 : order;
    }

    private static object? Add(object? left, object? right, Meter meter)
    {
        switch (left, right)
        {
            case (string x, string y):
                return Concatenate(x, y, meter);
            case (SafeText or string, SafeText or string):
                return new SafeText(Concatenate(Escape(left, meter).Text, Escape(right, meter).Text, meter));
            case (List<object?> x, List<object?> y):
                meter.MakeItems(x.Count + (long)y.Count);
                return new List<object?>([.. x, .. y]);
            case (object?[] x, object?[] y):
                meter.MakeItems(x.Length + (long)y.Length);
                return (object?[])[.. x, .. y];
            default:
                return Calculate("+", left, right, meter);
        }
    }

    private static string Concatenate(string left, string right, Meter meter)
    {
        meter.Make(left.Length + (long)right.Length);
        return left + right;
    }

    private static object? Multiply(object? left, object? right, Meter meter) => (left, right) switch
    {
        (string text, _) when Number(right) is BigInteger times => Repeat(text, times, meter),
        (_, string text) when Number(left) is BigInteger times => Repeat(text, times, meter),
        (SafeText safe, _) when Number(right) is BigInteger times => new SafeText(Repeat(safe.Text, times, meter)),
        (_, SafeText safe) when Number(left) is BigInteger times => new SafeText(Repeat(safe.Text, times, meter)),
        (object?[] tuple, _) when Number(right) is BigInteger times => Repeat([.. tuple], times, meter).ToArray(),
        (_, object?[] tuple) when Number(left) is BigInteger times => Repeat([.. tuple], times, meter).ToArray(),
        (List<object?> list, _) when Number(right) is BigInteger times => Repeat(list, times, meter),
        (_, List<object?> list) when Number(left) is BigInteger times => Repeat(list, times, meter),
        _ => Calculate("*", left, right, meter),
    };

    private static string Repeat(string text, BigInteger times, Meter meter)
    {
        int count = (int)BigInteger.Clamp(times, 0, int.MaxValue);
        meter.Make((long)text.Length * count);
        return text.Length == 0 ? "" : new StringBuilder(text.Length * count).Insert(0, text, count).ToString();
    }

    private static List<object?> Repeat(List<object?> list, BigInteger times, Meter meter)
    {
        int count = list.Count == 0 ? 0 : (int)BigInteger.Clamp(times, 0, int.MaxValue);
        meter.MakeItems((long)list.Count * count);
        return [.. Enumerable.Repeat(list, count).SelectMany(items => items)];
    }

    private static object Calculate(string operation, object? left, object? right, Meter meter) => (Number(left), Number(right)) switch
    {
        (BigInteger x, BigInteger y) when operation == "**" && y.Sign >= 0 => Power(x, y, meter),
        (BigInteger x, BigInteger y) when operation is not ("/" or "**") => Calculate(operation, x, y, meter),
        ({ } x, { } y) => Calculate(operation, ToDouble(x), ToDouble(y)),
        _ => throw Misfit(operation, left, right),
    };

    private static BigInteger Calculate(string operation, BigInteger x, BigInteger y, Meter meter)
    {
        meter.Step((x.GetBitLength() * y.GetBitLength()) >> 18);
        if (y.IsZero && operation is ("//" or "%"))
            throw new TemplateFault("division by zero.");

        var result = operation switch
        {
            "+" => x + y,
            "-" => x - y,
            "*" => x * y,
            "//" => FloorDivide(x, y),
            _ => x - (FloorDivide(x, y) * y),
        };
        return result.GetBitLength() <= MaxBits ? result : throw new TemplateFault($"the integer that '{operation}' makes is too large.");
    }

    private static BigInteger Power(BigInteger x, BigInteger y, Meter meter)
    {
        if (BigInteger.Abs(x) <= 1)
            return y.IsZero ? 1 : BigInteger.Pow(x, y.IsEven ? 2 : 1);

        if (x.GetBitLength() * y > MaxBits)
            throw new TemplateFault("the integer that '**' makes is too large.");

        meter.Step(x.GetBitLength() * (long)y >> 6);
        return BigInteger.Pow(x, (int)y);
    }

    private static BigInteger FloorDivide(BigInteger x, BigInteger y)
    {
        var quotient = BigInteger.DivRem(x, y, out var rest);
        return !rest.IsZero && rest.Sign != y.Sign ? quotient - 1 : quotient;
    }

    private static double Calculate(string operation, double x, double y)
    {
        if (y == 0 && operation is ("/" or "//" or "%"))
            throw new TemplateFault("division by zero.");

        return operation switch
        {
            "+" => x + y,
            "-" => x - y,
            "*" => x * y,
            "/" => x / y,
            "//" => FloorDivide(x, y),
            "**" => Power(x, y),
            _ => FloorRest(x, y),
        };
    }

    private static double FloorDivide(double x, double y)
    {
        double rest = x % y;
        double quotient = ((x - rest) / y) - (rest != 0 && (rest < 0) != (y < 0) ? 1 : 0);
        if (quotient == 0)
            return Math.CopySign(0, x / y);

        double floor = Math.Floor(quotient);
        return quotient - floor > 0.5 ? floor + 1 : floor;
    }

    private static double Power(double x, double y)
    {
        if (x == 0 && y < 0)
            throw new TemplateFault("0 cannot be raised to a negative power.");
        if (x < 0 && double.IsFinite(x) && double.IsFinite(y) && !double.IsInteger(y))
            throw new TemplateFault("a negative number raised to a fraction is complex, which is not supported.");

        double power = Math.Pow(x, y);
        return double.IsFinite(power) || !double.IsFinite(x) || !double.IsFinite(y) ? power : throw new TemplateFault("the number that '**' makes is too large.");
    }

    private static double FloorRest(double x, double y)
    {
        double rest = x % y;
        return rest == 0 ? Math.CopySign(0, y) : (rest < 0) != (y < 0) ? rest + y : rest;
    }

    private static double ToDouble(object number)
    {
        double real = number is BigInteger n ? (double)n : (double)number;
        return double.IsInfinity(real) && number is BigInteger ? throw new TemplateFault("the integer is too large for a float.") : real;
    }

    /// <summary>A number as one, booleans included; null for anything else.</summary>
    public static object? Number(object? value) => value switch
    {
        BigInteger or double => value,
        bool b => b ? BigInteger.One : BigInteger.Zero,
        _ => null,
    };

    private static TemplateFault Misfit(string operation, params ReadOnlySpan<object?> values)
    {
        foreach (var value in values)
        {
            if (value is Undefined undefined)
                return new TemplateFault(undefined.Problem + ".");
        }

        return values.Length == 1
            ? new TemplateFault($"'{operation}' does not go with {KindOf(values[0])}.")
            : new TemplateFault($"'{operation}' does not go between {KindOf(values[0])} and {KindOf(values[1])}.");
    }
}
