using System.Text.Json;

namespace EdgeSdk.Text.Constraints;

/// <summary>
/// Turns in the shipped pair's format: text, then calls, each <c>&lt;|call|&gt;Name{json}</c>. The source is
/// <c>{"tools":[{"name":..., "parameters":schema}], "required":bool, "parallel":bool, "answer":schema, "texts":[...]}</c>: required takes text before a call away
/// and wants one; parallel (the default) lets several follow; with an answer's schema a turn is either JSON by it or calls; texts are those that strings with
/// <c>x-edge-span</c> must stand in.
/// </summary>
internal static class ToolCalls
{
    public static int Compile(ByteGrammar grammar, string source)
    {
        using var document = JsonSchemaCompiler.ParseJson(source, "The tools");
        var root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("tools", out var tools) || tools.ValueKind != JsonValueKind.Array || tools.GetArrayLength() == 0)
            throw new EdgeException(EdgeErrorCode.InvalidArgument, "The tools of a constraint must be an object whose tools are an array with at least one.");

        var compiler = new JsonSchemaCompiler(grammar, spaced: false, root);
        var call = ByteGrammar.Sequence(grammar.Token(CallFormat.Token), grammar.Call(grammar.Rule(grammar.Any([.. tools.EnumerateArray().Select(tool => Call(grammar, compiler, tool))]))));
        int? most = Is(root, "parallel", true) ? null : 1;
        if (Is(root, "required", false))
            return grammar.Rule(grammar.Repeat(call, 1, most));

        return grammar.Rule(root.TryGetProperty("answer", out var answer)
            ? grammar.Any([new JsonSchemaCompiler(grammar, spaced: true, root).Schema(answer), grammar.Repeat(call, 1, most)])
            : ByteGrammar.Sequence(grammar.Star(CodePoints.All.Utf8(grammar)), grammar.Repeat(call, 0, most)));
    }

    private static Part Call(ByteGrammar grammar, JsonSchemaCompiler compiler, JsonElement tool)
    {
        if (tool.ValueKind != JsonValueKind.Object || !tool.TryGetProperty("name", out var property) || property.ValueKind != JsonValueKind.String)
            throw new EdgeException(EdgeErrorCode.InvalidArgument, "A tool of a constraint lacks its name.");

        string name = property.GetString()!;
        try
        {
            return ByteGrammar.Sequence(grammar.Text(name), tool.TryGetProperty("parameters", out var schema) ? compiler.Schema(schema) : grammar.Text("{}"));
        }
        catch (EdgeException e)
        {
            throw new EdgeException(e.Code, $"The parameters of the tool {name}: {e.Message}", e);
        }
    }

    private static bool Is(JsonElement root, string name, bool otherwise) => root.TryGetProperty(name, out var value) ? value.ValueKind == JsonValueKind.True : otherwise;
}
