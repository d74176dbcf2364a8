using System.Numerics;

namespace EdgeSdk.Text.Templates;

/// <summary>The tests of Jinja that are supported: what may stand behind <c>is</c>.</summary>
internal static class Predicates
{
    private static readonly Dictionary<string, Builtin> s_tests = new (string Name, Func<object?, bool> Holds)[]
    {
        ("defined", value => value is not Undefined),
        ("undefined", value => value is Undefined),
        ("none", value => value is null),
        ("string", value => value is string),
        ("mapping", value => value is Mapping),
        ("sequence", Operators.IsIterable),
        ("iterable", Operators.IsIterable),
        ("boolean", value => value is bool),
        ("number", value => value is BigInteger or double or bool),
        ("true", value => value is true),
        ("false", value => value is false),
    }.ToDictionary(test => test.Name, test => new Builtin(test.Name, [], 0, call => test.Holds(call.Subject)), StringComparer.Ordinal);

    /// <summary>All names, for messages.</summary>
    public static string Names { get; } = string.Join(", ", s_tests.Keys);

    public static Builtin? Find(string name) => s_tests.GetValueOrDefault(name);
}
