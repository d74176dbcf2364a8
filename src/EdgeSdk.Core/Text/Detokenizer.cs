using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace EdgeSdk.Text;

/// <summary>Decodes a stream of ids. The joined results equal <see cref="Tokenizer.Decode"/> of all ids, and no result ends within a character.</summary>
/// <remarks>For one stream and one thread at a time.</remarks>
public sealed class Detokenizer
{
    private readonly TokenDecoder _tokens;
    private readonly bool _skipSpecialTokens;
    private readonly Decoder _utf8 = Encoding.UTF8.GetDecoder();
    private readonly ArrayBufferWriter<byte> _fallbackRun = new();
    private readonly StringBuilder _text = new();
    private int _leadingToStrip;
    private bool _isFirst;

    internal Detokenizer(TokenDecoder tokens, bool skipSpecialTokens)
    {
        _tokens = tokens;
        _skipSpecialTokens = skipSpecialTokens;
        Restart();
    }

    /// <summary>Takes in <paramref name="id"/>; gives the text that is certain by now, possibly none. An id outside the vocabulary gives nothing.</summary>
    public string Append(int id)
    {
        Add(id);
        return TakeText();
    }

    /// <summary>Ends the stream: gives what was held back. The detokenizer can then be used for another stream.</summary>
    public string Flush()
    {
        WriteFallbackRun();
        WriteBytes(default, flush: true);
        string text = TakeText();
        Restart();
        return text;
    }

    /// <summary>The text of a whole stream.</summary>
    internal string Decode(ReadOnlySpan<int> ids)
    {
        foreach (int id in ids)
        {
            Add(id);
        }

        return Flush();
    }

    private void Restart()
    {
        _leadingToStrip = _tokens.MostLeading;
        _isFirst = true;
    }

    private void Add(int id)
    {
        if (!_tokens.Has(id) || (_skipSpecialTokens && _tokens.Special[id]))
        {
            return;
        }

        if (_tokens.Assembly == TextAssembly.Fallback && _tokens.FallbackBytes[id])
        {
            // Whether the run is UTF-8 as a whole decides how each of its bytes reads, so all of it waits for its end.
            _fallbackRun.Write(_tokens.Tokens[id]);
            return;
        }

        WriteFallbackRun();
        if (_tokens.Assembly == TextAssembly.Spaced && !_isFirst)
        {
            _text.Append(' ');
        }

        _isFirst = false;
        WriteBytes(_tokens.Tokens[id], flush: false);
    }

    private void WriteFallbackRun()
    {
        if (_fallbackRun.WrittenCount == 0)
        {
            return;
        }

        if (Utf8.IsValid(_fallbackRun.WrittenSpan))
        {
            WriteBytes(_fallbackRun.WrittenSpan, flush: false);
        }
        else
        {
            _leadingToStrip = 0;
            _text.Append('\uFFFD', _fallbackRun.WrittenCount);
        }

        _fallbackRun.ResetWrittenCount();
    }

    private void WriteBytes(ReadOnlySpan<byte> bytes, bool flush)
    {
        // At most one character for each byte, and one for what an earlier token left open.
        char[] rented = ArrayPool<char>.Shared.Rent(bytes.Length + 2);
        ReadOnlySpan<char> characters = rented.AsSpan(0, _utf8.GetChars(bytes, rented, flush));
        while (_leadingToStrip > 0 && !characters.IsEmpty)
        {
            bool strips = characters[0] == _tokens.LeadingCharacter;
            _leadingToStrip = strips ? _leadingToStrip - 1 : 0;
            characters = strips ? characters[1..] : characters;
        }

        _text.Append(characters);
        ArrayPool<char>.Shared.Return(rented);
    }

    private string TakeText()
    {
        string text = _text.ToString();
        _text.Clear();
        return text;
    }
}
