using System.Numerics;

namespace EdgeSdk.Text.Templates;

/// <summary>The tests of Jinja: what may stand behind <c>is</c>.</summary>
internal static class Predicates
{
    private static readonly Dictionary<string, Builtin> s_tests = new[]
    {
        Of("defined", value => value is not Undefined),
        Of("undefined", value => value is Undefined),
        Of("none", value => value is null),
        Of("string", value => value is string or SafeText),
        Of("mapping", value => value is Mapping),
        Of("sequence", Operators.IsSequence),
        Of("iterable", Operators.IsIterable),
        Of("boolean", value => value is bool),
        Of("number", value => value is BigInteger or double or bool),
        Of("integer", value => value is BigInteger),
        Of("float", value => value is double),
        Of("true", value => value is true),
        Of("false", value => value is false),
        Of("callable", value => value is BoundBuiltin or Macro or Loop or Undefined),
        Of("escaped", value => value is SafeText),
        new("lower", [], 0, call => PythonText.IsCased(call.SubjectText, upper: false, call.Meter)),
        new("upper", [], 0, call => PythonText.IsCased(call.SubjectText, upper: true, call.Meter)),
        new("odd", [], 0, call => Operators.AreEqual(Rest(call, 2), BigInteger.One, call.Meter)),
        new("even", [], 0, call => Operators.AreEqual(Rest(call, 2), BigInteger.Zero, call.Meter)),
        new("divisibleby", ["num"], 1, call => Operators.AreEqual(Operators.Apply("%", call.Subject, call.Value("num"), call.Meter), BigInteger.Zero, call.Meter)),
        new("sameas", ["other"], 1, call => AreSame(call.Subject, call.Value("other"))),
        new("in", ["seq"], 1, call => Operators.Contains(call.Value("seq"), call.Subject, call.Meter)),
        new("filter", [], 0, call => call.Subject is string name && Filters.Find(name) is not null),
        new("test", [], 0, call => call.Subject is string name && Find(name) is not null),
        Comparing("eq", "=="), Comparing("equalto", "=="), Comparing("ne", "!="),
        Comparing("lt", "<"), Comparing("lessthan", "<"), Comparing("le", "<="),
        Comparing("gt", ">"), Comparing("greaterthan", ">"), Comparing("ge", ">="),
        Comparing("==", "=="), Comparing("!=", "!="), Comparing("<", "<"), Comparing("<=", "<="), Comparing(">", ">"), Comparing(">=", ">="),
    }.ToDictionary(test => test.Name, StringComparer.Ordinal);

    /// <summary>All names, for messages.</summary>
    public static string Names { get; } = string.Join(", ", s_tests.Keys.Where(name => char.IsLetter(name[0])));

    public static Builtin? Find(string name) => s_tests.GetValueOrDefault(name);

    private static Builtin Of(string name, Func<object?, bool> holds) => new(name, [], 0, call => holds(call.Subject)) { SeesSafeText = true };

    private static Builtin Comparing(string name, string operation) =>
        new(name, ["b"], 1, call => Operators.Compare(operation, call.Subject, call.Value("b"), call.Meter));

    private static object? Rest(Call call, BigInteger divisor) => Operators.Apply("%", call.Subject, divisor, call.Meter);

    /// <summary>Whether two values are one object; equal numbers and strings pass for one.</summary>
    private static bool AreSame(object? left, object? right) => (left, right) switch
    {
        (bool x, bool y) => x == y,
        (BigInteger x, BigInteger y) => x == y,
        (double x, double y) => x.Equals(y),
        (string x, string y) => x == y,
        _ => ReferenceEquals(left, right),
    };
}
