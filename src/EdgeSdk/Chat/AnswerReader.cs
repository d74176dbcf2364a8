using System.Text;
using System.Text.Json;
using EdgeSdk.Text;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Chat;

/// <summary>What ends an answer besides the model: <paramref name="StopSequences"/> in its text (calls may hold them), and the second call where <paramref name="OneCall"/>.</summary>
internal readonly record struct AnswerLimits(IReadOnlyList<string>? StopSequences, bool OneCall);

/// <summary>Reads what a model writes: text as it comes, and the calls of tools once they are whole (docs/chat-format.md).</summary>
/// <remarks>For one answer and one thread.</remarks>
internal sealed class AnswerReader(string answerId, AnswerLimits limits = default)
{
    private readonly StopText _stop = new(limits.StopSequences ?? []);
    private readonly StringBuilder _call = new();
    private bool _inCall;
    private int _calls;

    /// <summary>Whether the answer calls a tool.</summary>
    public bool Calls => _calls > 0;

    /// <summary>Whether nothing more is wanted: a stop sequence was written, or a further call where one is allowed. What comes later is dropped.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Takes in a piece of text; gives what is certain.</summary>
    public IReadOnlyList<AIContent> Append(string piece)
    {
        var contents = new List<AIContent>(1);
        Add(piece, contents);
        return contents;
    }

    /// <summary>A call begins: the one before it is whole.</summary>
    public IReadOnlyList<AIContent> BeginCall()
    {
        var contents = new List<AIContent>(1);
        BeginCall(contents);
        return contents;
    }

    /// <summary>Takes in text in which calls begin with <see cref="CallFormat.Token"/> written out, as a server that renders sends it.</summary>
    public IReadOnlyList<AIContent> AppendRendered(string piece)
    {
        var contents = new List<AIContent>(1);
        for (int at; (at = piece.IndexOf(CallFormat.Token, StringComparison.Ordinal)) >= 0; piece = piece[(at + CallFormat.Token.Length)..])
        {
            Add(piece[..at], contents);
            BeginCall(contents);
        }

        Add(piece, contents);
        return contents;
    }

    /// <summary>The answer has ended.</summary>
    public IReadOnlyList<AIContent> End()
    {
        var contents = new List<AIContent>(1);
        AddText(_stop.Flush(), contents);
        EndCall(contents);
        return contents;
    }

    private void BeginCall(List<AIContent> contents)
    {
        if (IsOver)
        {
            return;
        }

        AddText(_stop.Flush(), contents);
        EndCall(contents);
        IsOver = limits.OneCall && Calls;
        _inCall = !IsOver;
    }

    private void Add(string piece, List<AIContent> contents)
    {
        if (IsOver || piece.Length == 0)
        {
            return;
        }

        if (_inCall)
        {
            _call.Append(piece);
        }
        else
        {
            AddText(_stop.Append(piece), contents);
            IsOver = _stop.IsMet;
        }
    }

    private static void AddText(string text, List<AIContent> contents)
    {
        if (text.Length > 0)
        {
            contents.Add(new TextContent(text));
        }
    }

    private void EndCall(List<AIContent> contents)
    {
        if (!_inCall)
        {
            return;
        }

        contents.Add(Parse(_call.ToString(), $"{answerId}-{++_calls}"));
        _call.Clear();
        _inCall = false;
    }

    /// <summary><c>name{...}</c>. What is no JSON object still comes back as a call, with the exception that says so.</summary>
    private static FunctionCallContent Parse(string call, string id)
    {
        int brace = call.IndexOf('{', StringComparison.Ordinal);
        string name = (brace < 0 ? call : call[..brace]).Trim();
        try
        {
            using var json = JsonDocument.Parse(brace < 0 ? "{}" : call[brace..]);
            var arguments = new Dictionary<string, object?>(StringComparer.Ordinal);
            foreach (var argument in json.RootElement.EnumerateObject())
            {
                arguments[argument.Name] = argument.Value.Clone();
            }

            return new FunctionCallContent(id, name, arguments);
        }
        catch (JsonException e)
        {
            return new FunctionCallContent(id, name, new Dictionary<string, object?>())
            {
                Exception = new FormatException($"The model wrote arguments that are no JSON object: {call[Math.Max(0, brace)..]}", e),
            };
        }
    }
}
