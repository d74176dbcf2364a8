using System.Text;
using System.Text.Json;

namespace EdgeSdk.Text.Constraints;

/// <summary>The parts of JSON texts.</summary>
/// <param name="grammar">Takes them.</param>
/// <param name="spaced">One space may stand behind a comma and a colon.</param>
internal sealed class JsonText(ByteGrammar grammar, bool spaced)
{
    private static readonly CodePoints Escaped = CodePoints.Of((0, 0x1F), ('"', '"'), ('\\', '\\'));

    /// <summary>What a string holds unescaped.</summary>
    public static readonly CodePoints Plain = Escaped.Not();

    private int _value = -1;

    public Part Comma => spaced ? ByteGrammar.Sequence(grammar.Text(","), grammar.Optional(grammar.Text(" "))) : grammar.Text(",");

    public Part Colon => spaced ? ByteGrammar.Sequence(grammar.Text(":"), grammar.Optional(grammar.Text(" "))) : grammar.Text(":");

    /// <summary>A character inside a string, in any spelling.</summary>
    public Part Character => grammar.Shared("character", () =>
    {
        var hex = CodePoints.Of(('0', '9'), ('a', 'f'), ('A', 'F')).Utf8(grammar);
        Part One(params ReadOnlySpan<int> of) => CodePoints.Of(of).Utf8(grammar);
        var surrogates = ByteGrammar.Sequence(
            grammar.Text("\\u"), One('d', 'D'), One('8', '9', 'a', 'b', 'A', 'B'), hex, hex, grammar.Text("\\u"), One('d', 'D'), One('c', 'd', 'e', 'f', 'C', 'D', 'E', 'F'), hex, hex);
        var others = grammar.Any([
            ByteGrammar.Sequence(CodePoints.Of(('0', '9'), ('a', 'c'), ('A', 'C'), ('e', 'f'), ('E', 'F')).Utf8(grammar), hex, hex, hex),
            ByteGrammar.Sequence(One('d', 'D'), CodePoints.Of(('0', '7')).Utf8(grammar), hex, hex)]);
        return grammar.Any([
            Plain.Utf8(grammar),
            ByteGrammar.Sequence(grammar.Text("\\"), One('"', '\\', '/', 'b', 'f', 'n', 'r', 't')),
            ByteGrammar.Sequence(grammar.Text("\\u"), others),
            surrogates]);
    });

    /// <summary>Any string, its quotes included.</summary>
    public Part String => grammar.Shared("string", () => Quoted(grammar.Star(Character)));

    /// <summary>Any value.</summary>
    public Part Value
    {
        get
        {
            if (_value < 0)
            {
                _value = grammar.Declare();
                grammar.Define(_value, grammar.Any([String, Number, grammar.Text("true"), grammar.Text("false"), grammar.Text("null"),
                    Array(grammar.Call(_value), 0, null), Object(String, grammar.Call(_value))]));
            }

            return grammar.Call(_value);
        }
    }

    /// <summary>Digits are bounded: 15 before the point and behind it. With an exponent, of at most 27, one stands before the point: so a decimal of .NET holds it.</summary>
    public Part Number => grammar.Shared("number", () =>
    {
        var digit = grammar.Range('0', '9');
        var fraction = grammar.Optional(ByteGrammar.Sequence(grammar.Text("."), grammar.Repeat(digit, 1, 15)));
        var power = grammar.Any([
            ByteGrammar.Sequence(grammar.Optional(CodePoints.Of('0', '1').Utf8(grammar)), digit),
            ByteGrammar.Sequence(grammar.Text("2"), grammar.Range('0', '7'))]);
        return grammar.Any([
            ByteGrammar.Sequence(Integer, fraction),
            ByteGrammar.Sequence(
                grammar.Optional(grammar.Text("-")), digit, fraction, CodePoints.Of('e', 'E').Utf8(grammar), grammar.Optional(CodePoints.Of('+', '-').Utf8(grammar)), power)]);
    });

    public Part Integer => grammar.Shared("integer", () => ByteGrammar.Sequence(
        grammar.Optional(grammar.Text("-")),
        grammar.Any([grammar.Text("0"), ByteGrammar.Sequence(grammar.Range('1', '9'), grammar.Repeat(grammar.Range('0', '9'), 0, 14))])));

    public Part Quoted(Part content) => ByteGrammar.Sequence(grammar.Text("\""), content, grammar.Text("\""));

    /// <summary>One character of a set, spelt the shortest way.</summary>
    public Part OneOf(CodePoints set)
    {
        var parts = new List<Part>();
        var plain = set.And(Plain);
        if (!plain.Ranges.IsEmpty)
            parts.Add(plain.Utf8(grammar));

        foreach (var (low, high) in set.And(Escaped).Ranges)
        {
            for (int c = low; c <= high; c++)
                parts.Add(grammar.Text(Spell(((char)c).ToString())));
        }

        return parts.Count > 0 ? grammar.Any(parts) : throw new EdgeException(EdgeErrorCode.InvalidArgument, "A pattern of the schema has a character class without characters.");
    }

    public Part Array(Part item, int least, int? most)
    {
        if (most == 0)
            return grammar.Text("[]");

        var items = ByteGrammar.Sequence(item, grammar.Repeat(ByteGrammar.Sequence(Comma, item), Math.Max(0, least - 1), most - 1));
        return ByteGrammar.Sequence(grammar.Text("["), least == 0 ? grammar.Optional(items) : items, grammar.Text("]"));
    }

    public Part Object(Part name, Part member)
    {
        var pair = ByteGrammar.Sequence(name, Colon, member);
        return ByteGrammar.Sequence(grammar.Text("{"), grammar.Optional(ByteGrammar.Sequence(pair, grammar.Star(ByteGrammar.Sequence(Comma, pair)))), grammar.Text("}"));
    }

    /// <summary>A value as it stands, without white space.</summary>
    public Part Literal(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Array => ByteGrammar.Sequence(
            [grammar.Text("["), .. element.EnumerateArray().SelectMany((e, i) => i == 0 ? new[] { Literal(e) } : [Comma, Literal(e)]), grammar.Text("]")]),
        JsonValueKind.Object => ByteGrammar.Sequence(
            [grammar.Text("{"), .. element.EnumerateObject().SelectMany((p, i) => i == 0 ? new[] { Pair(p) } : [Comma, Pair(p)]), grammar.Text("}")]),
        _ => grammar.Text(Scalar(element)),
    };

    public static bool IsScalar(JsonElement element) => element.ValueKind is not (JsonValueKind.Array or JsonValueKind.Object);

    /// <summary>A value without parts as it stands, strings spelt the shortest way.</summary>
    public static string Scalar(JsonElement element) => element.ValueKind == JsonValueKind.String ? '"' + Spell(element.GetString()!) + '"' : element.GetRawText();

    /// <summary>What stands between the quotes.</summary>
    public static string Spell(string text)
    {
        var spelt = new StringBuilder();
        foreach (char c in text)
        {
            spelt.Append(c switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\b' => "\\b",
                '\f' => "\\f",
                < ' ' => $"\\u{(int)c:x4}",
                _ => c.ToString(),
            });
        }

        return spelt.ToString();
    }

    private Part Pair(JsonProperty property) => ByteGrammar.Sequence(grammar.Text('"' + Spell(property.Name) + '"'), Colon, Literal(property.Value));
}
