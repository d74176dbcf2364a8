using System.Text.Json;
using System.Text.Json.Nodes;

namespace EdgeSdk.Text;

/// <summary>What stands around the calls of tools in a model's answers, learnt from how its template writes them.</summary>
/// <param name="Begin">Before a call; empty: an answer that calls is a call from its first character on.</param>
/// <param name="Middle">Between the name and the arguments, where the name stands by itself; empty where both are members of an object.</param>
/// <param name="Next">Between two calls that have one beginning and one end; empty: each has its own, or they are a list.</param>
/// <param name="End">Behind a call; empty: the answer's end.</param>
internal sealed record CallMarks(string Begin, string Middle, string Next, string End)
{
    private const string Name = "mark_of_name", Key = "mark_of_key", Value = "mark_of_value";

    /// <summary>Null where the template takes no calls, or writes them as <see cref="CallFormat"/> does or in a way that is not read.</summary>
    public static CallMarks? Of(ChatTemplate template)
    {
        try
        {
            string text = Render(template, new() { ["role"] = "assistant", ["content"] = Name }), prompt = Render(template, null);
            string call = Behind(prompt, text, Render(template, Calls((Name, Key, Value))));
            var marks = call.StartsWith(CallFormat.Token, StringComparison.Ordinal) ? null : Parse(call, "");
            return marks?.Middle.Length > 0 && Pair() is { } two ? Parse(call, two) : marks;

            string? Pair()
            {
                try
                {
                    return Behind(prompt, text, Render(template, Calls((Name, Key, Value), (Name, Key, Value))));
                }
                catch (EdgeException)
                {
                    return null; // a template that takes one call
                }
            }
        }
        catch (EdgeException)
        {
            return null; // a template that takes no calls
        }
    }

    /// <summary>A conversation whose answer is one call, as a template writes it.</summary>
    /// <exception cref="EdgeException">The template takes no calls.</exception>
    public static string RenderCall(ChatTemplate template, string name, string key, string value) => Render(template, Calls((name, key, value)));

    /// <summary>Whether a token's text is of a mark.</summary>
    public bool Have(string token) => new[] { Begin, Middle, Next, End }.Any(mark => mark.Contains(token, StringComparison.Ordinal));

    /// <summary>The calls that stand between the marks, as names and arguments; null: they are none.</summary>
    public List<(string Name, JsonElement Arguments)>? Read(string call)
    {
        call = call.Trim();
        int brace = call.IndexOf('{', StringComparison.Ordinal), middle = Middle.Length == 0 ? -1 : call.IndexOf(Middle, StringComparison.Ordinal);
        try
        {
            if (Next.Length > 0 && call.Split(Next) is { Length: > 1 } several)
            {
                var read = Array.ConvertAll(several, (this with { Next = "" }).Read);
                return read.Contains(null) ? null : [.. read.SelectMany(one => one!)];
            }

            if (Middle.Length > 0)
                return middle < 0 || brace < middle ? null : [(call[..middle].Trim(), Json(call[(middle + Middle.Length)..]))];

            if (brace > 0 && call[0] != '[')
                return [(call[..brace].Trim(), Json(call[brace..]))];

            var json = Json(call);
            var calls = new List<(string, JsonElement)>();
            foreach (var item in json.ValueKind == JsonValueKind.Array ? json.EnumerateArray().ToArray() : [json])
            {
                if (Member(item) is not { } member)
                    return null;

                calls.Add(member);
            }

            return calls;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary><c>{"name": ..., "arguments": {...}}</c>, also with "parameters"; arguments may be written out as a string.</summary>
    private static (string, JsonElement)? Member(JsonElement call)
    {
        if (call.ValueKind != JsonValueKind.Object || !call.TryGetProperty("name", out var name) || name.ValueKind != JsonValueKind.String)
            return null;

        if (!call.TryGetProperty("arguments", out var arguments) && !call.TryGetProperty("parameters", out arguments))
            return (name.GetString()!, Json("{}"));

        if (arguments.ValueKind == JsonValueKind.String)
            arguments = Json(arguments.GetString()!);

        return arguments.ValueKind == JsonValueKind.Object ? (name.GetString()!, arguments) : null;
    }

    private static JsonElement Json(string text)
    {
        using var document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }

    /// <summary>Marks that the call itself is read by.</summary>
    private static CallMarks? Parse(string call, string two)
    {
        if (Find(call) is not var (name, arguments, end))
            return null;

        string before = call[..name], between = call[(name + Name.Length)..arguments], behind = call[end..], next = "";
        int brace = before.LastIndexOf('{');
        if (brace >= 0)
            (before, between, behind) = (before[..brace].Trim().TrimEnd('['), "", behind[(behind.IndexOf('}', StringComparison.Ordinal) + 1)..].TrimStart().TrimStart(']'));
        else if (before.Trim().Length == 0)
            return null;
        else if (Find(two) is var (_, _, first) && two.IndexOf(Name, first, StringComparison.Ordinal) is >= 0 and var second && two[first..second].Trim() is var joint && !joint.Contains(behind.Trim(), StringComparison.Ordinal))
            next = joint;

        var marks = new CallMarks(before.Trim(), between.Trim(), next, behind.Trim());
        int begins = call.IndexOf(marks.Begin, StringComparison.Ordinal) + marks.Begin.Length, ends = marks.End.Length == 0 ? call.Length : call.IndexOf(marks.End, end, StringComparison.Ordinal);
        return marks.Read(call[begins..ends]) is [(Name, var read)] && read.TryGetProperty(Key, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() == Value ? marks : null;
    }

    /// <summary>Where the name and the arguments of a rendered call begin, and where these end.</summary>
    private static (int Name, int Arguments, int End)? Find(string call)
    {
        int name = call.IndexOf(Name, StringComparison.Ordinal), key = call.IndexOf($"\"{Key}\"", StringComparison.Ordinal), value = call.IndexOf($"\"{Value}\"", StringComparison.Ordinal);
        int arguments = key < 0 ? -1 : call.LastIndexOf('{', key), end = value < 0 ? -1 : call.IndexOf('}', value) + 1;
        return name >= 0 && arguments >= name + Name.Length && end > arguments ? (name, arguments, end) : null;
    }

    private static JsonObject Calls(params (string Name, string Key, string Value)[] calls)
    {
        var written = calls.Select((call, i) => new JsonObject
        {
            ["id"] = $"12345678{i}",
            ["type"] = "function",
            ["function"] = new JsonObject { ["name"] = call.Name, ["arguments"] = new JsonObject { [call.Key] = call.Value } },
        });
        return new() { ["role"] = "assistant", ["content"] = "", ["tool_calls"] = new JsonArray([.. written]) };
    }

    private static string Render(ChatTemplate template, JsonObject? answer)
    {
        var user = new JsonObject { ["role"] = "user", ["content"] = "a" };
        return template.Render(answer is null ? new JsonArray(user) : new JsonArray(user, answer), null, addGenerationPrompt: answer is null);
    }

    /// <summary>What an answer adds to its prompt, without what any answer begins and ends with; control tokens are not cut in two.</summary>
    private static string Behind(string prompt, string other, string answer)
    {
        int before = other.AsSpan().CommonPrefixLength(answer), behind = 0;
        before = answer[..before].LastIndexOf('<') is >= 0 and var open && answer.IndexOf('>', open) >= before ? open : before;
        before = Math.Max(before, answer.StartsWith(prompt, StringComparison.Ordinal) ? prompt.Length : 0);
        while (behind < Math.Min(other.Length, answer.Length) - before && other[^(behind + 1)] == answer[^(behind + 1)])
            behind++;

        int end = answer.Length - behind;
        end = answer[..end].LastIndexOf('<') is var last && last >= before && answer.IndexOf('>', last) is var close && close >= end ? close + 1 : end;
        return answer[before..end].Trim();
    }
}
