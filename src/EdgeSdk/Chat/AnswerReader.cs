using System.Text;
using System.Text.Json;
using EdgeSdk.Text;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Chat;

/// <summary>What ends an answer besides the model: <paramref name="StopSequences"/> in its text (calls may hold them), and the second call where <paramref name="OneCall"/>.</summary>
internal readonly record struct AnswerLimits(IReadOnlyList<string>? StopSequences, bool OneCall);

/// <summary>Reads what a model writes: thoughts and text as they come, white space around a thought left out, and the calls of tools once they are whole (docs/chat-format.md).</summary>
/// <remarks>For one answer and one thread.</remarks>
/// <param name="answerId">Calls get ids by it.</param>
/// <param name="limits">What ends the answer; looked for in its text, never in a thought.</param>
/// <param name="showsThoughts">Whether thoughts are handed on.</param>
/// <param name="marks">What stands around calls where the model writes them in a format of its own; null: they begin as docs/chat-format.md says.</param>
internal sealed class AnswerReader(string answerId, AnswerLimits limits = default, bool showsThoughts = true, CallMarks? marks = null)
{
    private readonly StopText _stop = new(limits.StopSequences ?? []);
    private readonly StringBuilder _call = new();
    private bool _inCall, _trims;
    private string _space = ""; // at the end of a thought so far
    private string _held = ""; // of a text that may begin a mark
    private bool _isBegun;
    private int _calls;

    /// <summary>What calls are looked for by; null: by <see cref="BeginCall()"/> alone.</summary>
    public CallMarks? Marks => marks;

    /// <summary>Whether the answer calls a tool.</summary>
    public bool Calls => _calls > 0;

    /// <summary>Whether what comes belongs to a thought.</summary>
    public bool InThought { get; private set; }

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

    /// <summary>A thought begins.</summary>
    public IReadOnlyList<AIContent> BeginThought()
    {
        var contents = new List<AIContent>(1);
        BeginThought(contents);
        return contents;
    }

    /// <summary>A thought ends, where one has begun.</summary>
    public void EndThought()
    {
        (_trims, _space) = (_trims || InThought, "");
        InThought = false;
    }

    /// <summary>Takes in text in which <see cref="CallFormat.Token"/> and the borders of thoughts are written out, as a server that renders sends it.</summary>
    /// <param name="piece">The text; no mark is cut in two.</param>
    /// <param name="thought">The borders; null: the model has none.</param>
    public IReadOnlyList<AIContent> AppendRendered(string piece, ThoughtBorders? thought = null)
    {
        var contents = new List<AIContent>(1);
        while (FirstMark(piece, thought) is { At: >= 0 } mark)
        {
            Add(piece[..mark.At], contents);
            piece = piece[(mark.At + mark.Text.Length)..];
            if (mark.Text == thought?.EndText)
                EndThought();
            else if (mark.Text == thought?.BeginText)
                BeginThought(contents);
            else
                BeginCall(contents);
        }

        Add(piece, contents);
        return contents;
    }

    private (int At, string Text) FirstMark(string piece, ThoughtBorders? thought)
    {
        (int At, string Text) first = (-1, "");
        foreach (string? mark in InThought ? [thought!.EndText] : (string?[])[CallFormat.Token, thought?.BeginText, thought?.EndText])
        {
            int at = mark is null ? -1 : piece.IndexOf(mark, StringComparison.Ordinal);
            if (at >= 0 && (first.At < 0 || at < first.At))
                first = (at, mark!);
        }

        return first;
    }

    /// <summary>The answer has ended.</summary>
    public IReadOnlyList<AIContent> End()
    {
        var contents = new List<AIContent>(1);
        Close(contents);
        return contents;
    }

    private void BeginCall(List<AIContent> contents)
    {
        if (IsOver)
            return;

        Close(contents);
        IsOver = limits.OneCall && Calls;
        _inCall = !IsOver;
    }

    private void BeginThought(List<AIContent> contents)
    {
        if (IsOver)
            return;

        Close(contents);
        (InThought, _trims) = (true, true);
    }

    private void Add(string piece, List<AIContent> contents)
    {
        piece = Trimmed(piece);
        if (IsOver || piece.Length == 0)
            return;

        if (InThought)
        {
            AddThought(piece, contents);
        }
        else if (marks is not null)
        {
            AddMarked(marks, piece, contents);
        }
        else if (_inCall)
        {
            _call.Append(piece);
        }
        else
        {
            AddAnswer(piece, contents);
        }
    }

    private void AddAnswer(string piece, List<AIContent> contents)
    {
        AddText(_stop.Append(piece), contents);
        IsOver = _stop.IsMet;
    }

    private string Trimmed(string piece)
    {
        if (!_trims)
            return piece;

        piece = piece.TrimStart();
        _trims = piece.Length == 0;
        return piece;
    }

    /// <summary>Hands on what is text for certain, and calls that are whole.</summary>
    private void AddMarked(CallMarks marks, string piece, List<AIContent> contents)
    {
        while (!IsOver && piece.Length > 0)
        {
            if (_inCall)
            {
                string call = _call.Append(piece).ToString();
                int end = marks.End.Length == 0 ? -1 : call.IndexOf(marks.End, StringComparison.Ordinal);
                if (end < 0)
                    return;

                _call.Length = end;
                EndCall(marks.End, contents);
                piece = Trimmed(call[(end + marks.End.Length)..]);
                continue;
            }

            _held += piece;
            var (text, behind) = marks.Begin.Length > 0 ? CutAt(marks.Begin) : !_isBegun && _held.TrimStart() is ['{' or '[', ..] ? ("", _held) : (_held, null);
            _isBegun |= text.Length > 0;
            _held = behind is null ? _held[text.Length..] : "";
            AddAnswer(behind is null ? text : text.TrimEnd(), contents);
            if (behind is null)
                return;

            BeginCall(contents);
            piece = behind;
        }
    }

    /// <summary>The text before a mark and what follows the mark; without one the text that is none of it for certain.</summary>
    private (string Text, string? Behind) CutAt(string mark)
    {
        int at = _held.IndexOf(mark, StringComparison.Ordinal);
        if (at >= 0)
            return (_held[..at], _held[(at + mark.Length)..]);

        int kept = Math.Min(mark.Length - 1, _held.Length);
        while (!mark.StartsWith(_held[^kept..], StringComparison.Ordinal))
            kept--;

        // White space before a call is not of the answer.
        return (_held[..^kept].TrimEnd(), null);
    }

    /// <summary>What has begun is whole: a call, or text that was held back.</summary>
    private void Close(List<AIContent> contents)
    {
        EndCall("", contents);
        if (!IsOver)
            AddAnswer(_held, contents);

        _held = "";
        AddText(_stop.Flush(), contents);
    }

    private static Dictionary<string, object?> Arguments(JsonElement json)
    {
        var arguments = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var argument in json.EnumerateObject())
            arguments[argument.Name] = argument.Value.Clone();

        return arguments;
    }

    private void AddThought(string piece, List<AIContent> contents)
    {
        string thought = _space + piece, certain = thought.TrimEnd();
        _space = thought[certain.Length..];
        if (showsThoughts && certain.Length > 0)
            contents.Add(new TextReasoningContent(certain));
    }

    private static void AddText(string text, List<AIContent> contents)
    {
        if (text.Length > 0)
            contents.Add(new TextContent(text));
    }

    /// <summary>Gives the call. What cannot be read between marks stays text.</summary>
    private void EndCall(string endMark, List<AIContent> contents)
    {
        if (!_inCall)
            return;

        _inCall = false;
        string call = _call.ToString();
        _call.Clear();
        if (marks is null)
        {
            contents.Add(Parse(call, NextId()));
        }
        else if (marks.Read(call) is { } calls)
        {
            foreach (var (name, arguments) in limits.OneCall ? calls.Take(1) : calls)
                contents.Add(new FunctionCallContent(NextId(), name, Arguments(arguments)));

            _trims = true;
        }
        else
        {
            AddAnswer(marks.Begin + call + endMark, contents);
        }
    }

    private string NextId() => $"{answerId}-{++_calls}";

    /// <summary><c>name{...}</c>. What is no JSON object still comes back as a call, with the exception that says so.</summary>
    private static FunctionCallContent Parse(string call, string id)
    {
        int brace = call.IndexOf('{', StringComparison.Ordinal);
        string name = (brace < 0 ? call : call[..brace]).Trim();
        try
        {
            using var json = JsonDocument.Parse(brace < 0 ? "{}" : call[brace..]);
            return new FunctionCallContent(id, name, Arguments(json.RootElement));
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
